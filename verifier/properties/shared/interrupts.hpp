// SPDX-License-Identifier: Apache-2.0
// What properties of interrupts look at.
#pragma once

#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

inline constexpr std::uint64_t kRequesterIds = 0x1'0000; // bus, device, function
inline constexpr const char* kNothingRemaps = "nothing remaps interrupts";

// The unit that the image drives is an AMD IOMMU.
[[nodiscard]] bool amd_vi(const Context& context);

// The watchdog's entry of the interrupt table; nothing when its messages don't pass the unit.
[[nodiscard]] std::optional<std::uint32_t> watchdog_handle(const Context& context);

// The ways a guest could send an interrupt or disturb how it takes them: all must exit. What the kernel then lets
// pass is its handler's affair.
void apic_writes_exit(const Context& context, Judge& judge, std::uint32_t first, std::uint32_t last, const char* query);

inline constexpr const char* kRemappingOn =
    "the kernel, which turns interrupt remapping on before the first guest runs and checks "
    "that it is; at run time it sets vector and destination of these entries only, which "
    "is level `handler`: tested, not proved";

} // namespace septum::verifier
