// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/map.hpp"

extern "C" septum::u64 boot_pdpt[512]; // entry.S

namespace septum::kernel::boot {

namespace {

constexpr u64 kPresentWrite = 0x3;
constexpr u64 kLargePresentWrite = 0x83; // 2 MiB (APM 2 §5.3.4)
constexpr u64 kReach = 512 * kGiB;
constexpr u32 kDirectories = 8;

struct alignas(kPageSize) Directory {
    u64 entries[512];
};

Directory directories[kDirectories];
u32 used = 0;

} // namespace

Refusal map(const char* what, const manifest::Range& range) {
    const u64 end = range.base.value + range.size;
    const Value place = Value::range(range.base.value, end);
    if (end > kReach) {
        return {Code::memory, Value::text(what), {}, Value::range("within", 0, kReach), place};
    }
    for (u64 gigabyte = range.base.value / kGiB; gigabyte * kGiB < end; gigabyte++) {
        if (boot_pdpt[gigabyte] != 0) {
            continue;
        }
        if (used == kDirectories) {
            return {Code::memory, Value::text(what), {}, Value::text("within eight gigabytes above 4 GiB"), place};
        }
        Directory& directory = directories[used++];
        for (u64 i = 0; i < 512; i++) {
            directory.entries[i] = gigabyte * kGiB + i * 2 * kMiB + kLargePresentWrite;
        }
        boot_pdpt[gigabyte] = reinterpret_cast<u64>(&directory) | kPresentWrite;
    }
    return kHolds;
}

} // namespace septum::kernel::boot
