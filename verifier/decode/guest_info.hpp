// SPDX-License-Identifier: Apache-2.0
// What a partition is told about itself (septum/guest/info.hpp: our own format).
#pragma once

#include "verifier/decode/bytes.hpp"

#include <septum/guest/info.hpp>

namespace septum::verifier::decode {

struct GuestInfo {
    guest::Info info{};
    Defects defects; // address: guest-physical
};

// Nothing when the page does not begin with the magic and the version.
[[nodiscard]] std::optional<GuestInfo> decode_guest_info(const GuestMemory& memory, std::uint64_t gpa,
                                                         const std::string& what);

} // namespace septum::verifier::decode
