// SPDX-License-Identifier: Apache-2.0
#include "partitions/attacker/own_tables.hpp"

#include <septum/runtime/cpu.hpp>

namespace septum::attacker {
namespace {

using namespace entry;
constexpr u32 kEntries = 512;
constexpr u32 kLowGigabytes = 4;

struct alignas(4096) Table {
    u64 entry[kEntries];
};
Table top;
Table gigabytes;
Table low[kLowGigabytes]; // the first 4 GiB
Table chosen_gigabyte;
Table page_top, page_middle, page_bottom; // for map_page

u64 address(const Table& table) {
    return reinterpret_cast<u64>(&table);
}

void fill(Table& table, u64 base) {
    for (u32 i = 0; i < kEntries; ++i) {
        table.entry[i] = (base + u64{i} * 2 * kMiB) | kAll | kLarge;
    }
}

} // namespace

void map_everything(u64 chosen) {
    constexpr u32 kPage1Gb = 1U << 26; // CPUID 8000_0001 EDX
    const bool huge = (guest::cpu::cpuid(0x8000'0001).edx & kPage1Gb) != 0;
    for (u32 i = 0; i < kEntries; ++i) {
        gigabytes.entry[i] = huge ? i * kGiB | kAll | kLarge : 0;
    }
    for (u32 i = 0; i < kLowGigabytes; ++i) {
        fill(low[i], i * kGiB);
        gigabytes.entry[i] = address(low[i]) | kAll;
    }
    const u64 index = chosen / kGiB % kEntries;
    if (!huge && index >= kLowGigabytes) {
        fill(chosen_gigabyte, index * kGiB);
        gigabytes.entry[index] = address(chosen_gigabyte) | kAll;
    }
    top.entry[0] = address(gigabytes) | kAll;
    guest::cpu::write_cr3(address(top));
}

volatile u64* map_page(u64 physical) {
    constexpr u32 kSlot = 1; // of the top table: from 512 GiB on
    page_bottom.entry[0] = physical | kAll;
    page_middle.entry[0] = address(page_bottom) | kAll;
    page_top.entry[0] = address(page_middle) | kAll;
    map_everything(0);
    top.entry[kSlot] = address(page_top) | kAll;
    guest::cpu::write_cr3(address(top));
    return reinterpret_cast<volatile u64*>(u64{kSlot} << 39);
}

volatile u64* map_by(const u64 (&entries)[kLevels]) {
    constexpr u32 kSlot = 2;
    page_bottom.entry[0] = entries[3];
    page_middle.entry[0] = (entries[2] & kTableHere) != 0 ? address(page_bottom) | kAll : entries[2];
    page_top.entry[0] = (entries[1] & kTableHere) != 0 ? address(page_middle) | kAll : entries[1];
    map_everything(0);
    top.entry[kSlot] = (entries[0] & kTableHere) != 0 ? address(page_top) | kAll : entries[0];
    guest::cpu::write_cr3(address(top));
    return reinterpret_cast<volatile u64*>(u64{kSlot} << 39);
}

u64* bottom_table() {
    return page_bottom.entry;
}

u64* top_table() {
    return top.entry;
}

u32 physical_bits() {
    const u32 bits = guest::cpu::cpuid(0x8000'0000).eax >= 0x8000'0008 ? guest::cpu::cpuid(0x8000'0008).eax & 0xFF : 0;
    return bits < 36 || bits > 52 ? 36 : bits;
}

} // namespace septum::attacker
