// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/requesters.hpp"

#include "verifier/properties/shared/wording.hpp"

namespace septum::verifier {

std::string requesters_text(std::uint64_t first, std::uint64_t end) {
    const auto a = static_cast<std::uint32_t>(first);
    const auto b = static_cast<std::uint32_t>(end - 1);
    return a == b ? requester_text(a) : requester_text(a) + " to " + requester_text(b);
}

} // namespace septum::verifier
