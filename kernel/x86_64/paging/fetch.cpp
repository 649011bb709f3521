// SPDX-License-Identifier: Apache-2.0
#include "kernel/x86_64/paging/fetch.hpp"

#include "kernel/hw/memory.hpp"

namespace septum::kernel::paging {

namespace {

// Where guest-physical `gpa` lies; null outside the partition's RAM. Regions are whole pages, so that what does not cross a page
// lies there too. No region reaches kNowhere.
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

// The entries are read again, in the same order, each once: what the guest has changed since is noticed.
bool leads(const Trail& trail, const Mode& mode, u64 linear) {
    if (((trail.linear ^ linear) & ~trail.inside) != 0 || trail.mode.cr3 != mode.cr3 || trail.mode.cr4 != mode.cr4 ||
        trail.mode.efer != mode.efer) {
        return false;
    }
    for (u32 i = 0; i < trail.count; i++) {
        if (hw::read_once<u64>(trail.places[i]) != trail.entries[i]) {
            return false;
        }
    }
    return trail.count != 0;
}

// The whole way; remembered if it is one of long mode. The mode by value: who knows the way keeps it in registers.
[[gnu::noinline]] u64 follow(const core::Records<manifest::Region>& regions, Mode mode, u64 linear, Trail& trail) {
    u32 count = 0;
    const u64 gpa = walk(mode, linear, [&](u64 at, bool is_wide, u64& entry) {
        const u8* place = find(regions, at);
        if (place == nullptr) {
            return false;
        }
        entry = is_wide ? hw::read_once<u64>(place) : hw::read_once<u32>(place);
        trail.places[count % kMostLevels] = place;
        trail.entries[count % kMostLevels] = entry;
        count++;
        return true;
    });
    trail.count = gpa != kNowhere && (mode.efer & kEferLongModeActive) != 0 ? count : 0;
    trail.inside = (1ULL << (first_shift(mode) + kLevelBits * (1 - trail.count))) - 1;
    trail.mode = mode;
    trail.linear = linear;
    trail.page = gpa & ~trail.inside;
    return gpa;
}

} // namespace

void fetch(const core::Records<manifest::Region>& regions, const Mode& mode, u64 linear, Trail& trail,
           core::Instruction& instruction) {
    const bool known = leads(trail, mode, linear);
    const u8* place = find(regions, known ? trail.page | (linear & trail.inside) : follow(regions, mode, linear, trail));
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
        place = i + 1 == in_page ? find(regions, follow(regions, mode, linear + in_page, trail)) : place + 1;
    }
}

} // namespace septum::kernel::paging
