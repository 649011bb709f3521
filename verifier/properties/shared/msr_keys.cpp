// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/msr_keys.hpp"

#include <fmt/format.h>

namespace septum::verifier {

std::uint64_t msr_key(std::uint64_t partition, bool write, std::uint64_t msr) {
    return partition << kPartitionShift | static_cast<std::uint64_t>(write) << kMsrBits | msr;
}

std::string msr_text(std::uint64_t first, std::uint64_t last) {
    return first == last ? fmt::format("{:#x}", first) : fmt::format("{:#x}..{:#x}", first, last);
}

} // namespace septum::verifier
