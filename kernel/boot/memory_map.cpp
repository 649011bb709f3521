// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/memory_map.hpp"

namespace septum::kernel::boot {

namespace {

u64 end_of(const MemoryMap::Entry& entry) {
    const u64 end = entry.base + entry.size;
    return end < entry.base ? ~u64{0} : end;
}

Refusal unusable(const manifest::Range& range, const char* what, u64 begin, u64 end) {
    return {Code::memory, Value::text("ram"), Value::range(range.base.value, range.base.value + range.size),
            Value::text("usable"), Value::range(what, begin, end)};
}

} // namespace

Refusal check_usable(const MemoryMap& map, const manifest::Range& range) {
    const u64 begin = range.base.value;
    const u64 end = begin + range.size;
    for (u64 i = 0; i < map.count(); i++) {
        const auto entry = map.at(i);
        if (entry.type != MemoryMap::kAvailable && overlap(begin, range.size, entry.base, end_of(entry) - entry.base)) {
            return unusable(range, "reserved", entry.base, end_of(entry));
        }
    }
    // Each pass moves `covered` on by an entry or ends, so there are at most as many passes as entries.
    u64 covered = begin;
    for (u64 pass = 0; pass <= map.count() && covered < end; pass++) {
        u64 reach = covered;
        for (u64 i = 0; i < map.count(); i++) {
            const auto entry = map.at(i);
            if (entry.type == MemoryMap::kAvailable && entry.base <= covered && end_of(entry) > reach) {
                reach = end_of(entry);
            }
        }
        if (reach == covered) {
            return unusable(range, "no memory in", covered, end);
        }
        covered = reach;
    }
    return kHolds;
}

} // namespace septum::kernel::boot
