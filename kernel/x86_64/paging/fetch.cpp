// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/paging/fetch.hpp"

#include "kernel/hw/memory.hpp"

namespace septum::kernel::paging {

namespace {

// Where guest-physical `gpa` lies; null outside the partition's RAM. Regions are whole pages, so that what does not cross a page
// lies there too.
const u8* find(const core::Records<manifest::Region>& regions, u64 gpa) {
    for (u32 i = 0; i < regions.count; i++) {
        const manifest::Region& region = regions.first[i];
        const u64 offset = gpa - region.gpa.value; // wraps past the size when it lies before
        if (offset < region.size && region.kind == manifest::RegionKind::ram) {
            return hw::at<const u8>(region.hpa + offset);
        }
    }
    return nullptr;
}

// Where linear address `linear` lies; null where the guest's tables do not lead to its RAM.
[[gnu::noinline]] const u8* reach(const core::Records<manifest::Region>& regions, const Mode& mode, u64 linear) {
    const u64 gpa = walk(mode, linear, [&regions](u64 at, bool is_wide, u64& entry) {
        const u8* place = find(regions, at);
        if (place == nullptr) {
            return false;
        }
        entry = is_wide ? hw::read_once<u64>(place) : hw::read_once<u32>(place);
        return true;
    });
    return gpa == kNowhere ? nullptr : find(regions, gpa);
}

} // namespace

void fetch(const core::Records<manifest::Region>& regions, const Mode& mode, u64 linear, core::Instruction& instruction) {
    const u8* place = reach(regions, mode, linear);
    const u64 in_page = kPageSize - linear % kPageSize;
    if (place != nullptr && in_page >= core::kMaxInstruction) {
        hw::read_once_15(place, instruction.bytes);
        instruction.count = core::kMaxInstruction;
        return;
    }
    instruction.count = 0;
    for (u32 i = 0; i < core::kMaxInstruction && place != nullptr; i++) { // it goes on in a second page
        instruction.bytes[i] = hw::read_once<u8>(place);
        instruction.count++;
        place = i + 1 == in_page ? reach(regions, mode, linear + in_page) : place + 1;
    }
}

} // namespace septum::kernel::paging
