// SPDX-License-Identifier: Apache-2.0
// An order to a unit: VT-d's invalidation descriptor (§6.5.2), AMD-Vi's command (AMD IOMMU §2.4). Pure.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::iommu {

struct Order {
    u64 low;
    u64 high;
};
inline constexpr u32 kDone = 1;             // what the order to wait writes, when all before it is done
inline constexpr u32 kMaxPolls = 1'000'000; // then the unit is given up

} // namespace septum::kernel::iommu
