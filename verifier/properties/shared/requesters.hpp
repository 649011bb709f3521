// SPDX-License-Identifier: Apache-2.0
// What properties of DMA say and look at.
#pragma once

#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

inline constexpr std::uint32_t kRequesters = 0x1'0000; // requester ids: bus, device, function
inline constexpr const char* kNothingBlocksDma = "nothing blocks DMA";

// 00:1f.2, or 00:1f.0 to 00:1f.7; `end` is exclusive.
[[nodiscard]] std::string requesters_text(std::uint64_t first, std::uint64_t end);

inline constexpr const char* kDmaTables = "VT-d specification §9.1, §9.3; AMD IOMMU specification §2.2.2";
inline constexpr const char* kDmaUnitOn =
    "the kernel, which turns the unit on before anything else and checks that it is; DMA "
    "before that is outside";

} // namespace septum::verifier
