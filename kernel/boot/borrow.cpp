// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/iommu.hpp"

namespace septum::kernel::iommu {

Hpa borrow_memory(const manifest::Region* regions, u32 count, const manifest::Range& loaded, u64 size) {
    const u64 loaded_end = loaded.base.value + loaded.size;
    for (u32 i = 0; i < count; i++) {
        if (regions[i].kind != manifest::RegionKind::ram) {
            continue;
        }
        const u64 begin = regions[i].hpa.value;
        const u64 end = begin + regions[i].size;
        if (begin + size <= end && (begin + size <= loaded.base.value || begin >= loaded_end)) {
            return Hpa{begin};
        }
        const u64 behind = (loaded_end + kPageSize - 1) / kPageSize * kPageSize;
        if (behind > begin && behind + size <= end) {
            return Hpa{behind};
        }
    }
    return Hpa{0};
}

} // namespace septum::kernel::iommu
