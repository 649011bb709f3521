// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/paging/fetch.hpp"

#include "kernel/hw/memory.hpp"

namespace septum::kernel::paging {

namespace {

// Where [gpa, gpa + bytes) lies, which does not cross a page; null outside the partition's RAM.
const u8* find(const core::Records<manifest::Region>& regions, u64 gpa, u32 bytes) {
    for (u32 i = 0; i < regions.count; i++) {
        const manifest::Region& region = regions.first[i];
        const u64 offset = gpa - region.gpa.value; // wraps past the size when it lies before
        if (region.kind == manifest::RegionKind::ram && offset < region.size && bytes <= region.size - offset) {
            return hw::at<const u8>(region.hpa + offset);
        }
    }
    return nullptr;
}

} // namespace

void fetch(const core::Records<manifest::Region>& regions, const Mode& mode, u64 linear, core::Instruction& instruction) {
    const auto read = [&regions](u64 gpa, u32 bytes, u64& value) {
        const u8* place = gpa % bytes == 0 ? find(regions, gpa, bytes) : nullptr;
        if (place == nullptr) {
            return false;
        }
        value = bytes == 8 ? __atomic_load_n(reinterpret_cast<const u64*>(place), __ATOMIC_RELAXED)
                           : __atomic_load_n(reinterpret_cast<const u32*>(place), __ATOMIC_RELAXED);
        return true;
    };
    instruction.count = 0;
    u64 page = kNowhere;
    for (u32 i = 0; i < core::kMaxInstruction; i++) {
        const u64 at = linear + i;
        if (i == 0 || at % kPageSize == 0) {
            page = walk(mode, at & ~(kPageSize - 1), read);
        }
        const u8* place = page == kNowhere ? nullptr : find(regions, page + at % kPageSize, 1);
        if (place == nullptr) {
            return;
        }
        instruction.bytes[i] = __atomic_load_n(place, __ATOMIC_RELAXED);
        instruction.count++;
    }
}

} // namespace septum::kernel::paging
