// SPDX-License-Identifier: Apache-2.0
// Page tables of its own: inside its partition it may map whatever it likes, and the processor walks them by itself.
// Those walks, and what they lead to, go through the nested tables.
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/own_tables.hpp"

#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::translation {
namespace {

using namespace entry;

constexpr u64 kHostMemory = 0x3000'0000;
constexpr u64 kHostGigabyte = 0x4000'0000; // on a boundary for a page of any size
constexpr u64 kLocalApic = 0xFEE0'0000;
constexpr u64 kPageFault = 14;
constexpr u64 kStackFault = 12;
constexpr u64 kGeneralProtection = 13;

Result read(u64 address) {
    (void)*reinterpret_cast<volatile u64*>(address);
    return breach("the read came back");
}
Result read_through(const u64 (&entries)[kLevels]) {
    (void)*map_by(entries);
    return breach("the read came back");
}

void touch(void* address) {
    (void)*static_cast<volatile u64*>(address);
}

u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
void write_cr4(u64 value) {
    asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}
void try_cr4(void* value) {
    write_cr4(*static_cast<const u64*>(value));
}

} // namespace

Result read_above_4g(const Try& t) {
    const u64 address = t.info().ram_size > guest::kLowRamLimit
                            ? guest::kHighRamBase + t.info().ram_size - guest::kLowRamLimit
                            : guest::kHighRamBase;
    map_everything(address);
    return read(address);
}

Result read_all_gigabytes(const Try& t) {
    const u64 address = kGiB << t.variant();
    map_everything(address);
    return read(address);
}

Result write_top_of_space(const Try& t) {
    const u64 address = (1ULL << physical_bits()) - kPageSize;
    t.note("that is ", guest::Hex{address});
    *map_page(address) = 0;
    return breach("the write went through");
}

Result use_host_page_tables(const Try&) {
    guest::cpu::write_cr3(kHostMemory);
    return breach("the tables were used");
}

Result table_outside(const Try& t) {
    constexpr u64 kThere = kHostMemory | kAll;
    switch (t.variant()) {
    case 0: return read_through({kThere, 0, 0, 0});
    case 1: return read_through({kTableHere, kThere, 0, 0});
    default: return read_through({kTableHere, kTableHere, kThere, 0});
    }
}

Result page_outside(const Try& t) {
    constexpr u64 kThere = kHostGigabyte | kAll;
    switch (t.variant()) {
    case 0: return read_through({kTableHere, kTableHere, kTableHere, kThere});
    case 1: return read_through({kTableHere, kTableHere, kThere | kLarge, 0});
    default: return read_through({kTableHere, kThere | kLarge, 0, 0});
    }
}

Result table_at_devices(const Try&) {
    return read_through({kTableHere, kTableHere, kLocalApic | kAll, 0});
}

// An entry of the top table that points to the top table: one page shows itself at every level.
Result self_reference(const Try&) {
    constexpr u64 kSlot = 510;
    map_everything(0);
    const u64 own = reinterpret_cast<u64>(top_table());
    top_table()[kSlot] = own | kAll;
    guest::cpu::write_cr3(own);
    constexpr u64 kSign = 0xFFFFULL << 48;
    constexpr u64 kItself = kSign | kSlot << 39 | kSlot << 30 | kSlot << 21 | kSlot << 12;
    const auto* seen = reinterpret_cast<volatile u64*>(kItself);
    for (u32 i = 0; i < kPageSize / 8; ++i) {
        if (((seen[i] ^ top_table()[i]) & ~0x60ULL) != 0) { // accessed and dirty may differ
            return breach("it shows another page");
        }
    }
    return nothing("it shows its own tables only");
}

Result non_canonical(const Try&) {
    auto* const hole = reinterpret_cast<void*>(0x0000'8000'0000'0000ULL);
    if (guest::attempt(touch, hole) != kGeneralProtection) {
        return breach("no general protection for data");
    }
    const u64 stack = guest::attempt(
        [](void* address) {
            asm volatile("movq %%rsp, %%rcx\n\tmovq %0, %%rsp\n\tpopq %%rax\n\tmovq %%rcx, %%rsp"
                         :
                         : "r"(address)
                         : "rax", "rcx", "memory");
        },
        hole);
    // The exception itself is delivered on that stack, which is as bad: that is the double fault, on a stack of its
    // own.
    constexpr u64 kDoubleFault = 8;
    if (stack != kStackFault && stack != kDoubleFault) {
        return breach("no stack fault");
    }
    const u64 code = guest::attempt([](void* address) { reinterpret_cast<void (*)()>(address)(); }, hole);
    return code == kGeneralProtection ? nothing("each is a fault of its own")
                                      : breach("no general protection for code");
}

Result reserved_bits(const Try&) {
    const u64 high = 1ULL << (physical_bits() < 51 ? physical_bits() : 51);
    constexpr u64 kHere = kTableHere;
    const u64 bad[][kLevels] = {
        {high | kAll, 0, 0, 0},
        {kLarge | kAll, 0, 0, 0}, // there are no pages of 512 GiB
        {kHere, high | kAll, 0, 0},
        {kHere, (1ULL << 20) | kAll | kLarge, 0, 0}, // a page of 1 GiB off its boundary
        {kHere, kHere, high | kAll, 0},
        {kHere, kHere, (1ULL << 13) | kAll | kLarge, 0}, // a page of 2 MiB off its boundary
        {kHere, kHere, kHere, high | kAll},
    };
    for (const auto& entries : bad) {
        auto* address = const_cast<u64*>(map_by(entries));
        if (guest::attempt(touch, address) != kPageFault) {
            return breach("no page fault");
        }
    }
    return nothing("each is a page fault of its own");
}

Result five_levels(const Try&) {
    constexpr u64 kFiveLevels = 1 << 12; // CR4.LA57
    u64 value = read_cr4() | kFiveLevels;
    const u64 ended = guest::attempt(try_cr4, &value);
    return ended == kGeneralProtection && (read_cr4() & kFiveLevels) == 0 ? nothing("general protection")
                                                                          : breach("it was taken");
}

Result flush_storm(const Try&) {
    constexpr u32 kTimes = 5'000;
    constexpr u64 kGlobal = 1 << 7; // CR4.PGE
    const u64 cr3 = guest::cpu::read_cr3();
    const u64 cr4 = read_cr4();
    struct alignas(16) {
        u64 pcid = 0;
        u64 address = 0;
    } all;
    for (u32 i = 0; i < kTimes; ++i) {
        guest::cpu::write_cr3(cr3);
        asm volatile("invlpg (%0)" : : "r"(u64{i} << 12) : "memory");
        write_cr4(cr4 ^ kGlobal);
        write_cr4(cr4);
    }
    // INVPCID, of all, if there is such an instruction.
    (void)guest::attempt(
        [](void* descriptor) {
            for (u32 i = 0; i < kTimes; ++i) {
                asm volatile("invpcid (%0), %1" : : "r"(descriptor), "r"(2ULL) : "memory");
            }
        },
        &all);
    return nothing("nobody waited");
}

// Each bit of CR4 that changes who may reach what, and CR0.WP; whatever the tables say then, the nested ones say no
// more.
Result supervisor_games(const Try&) {
    constexpr u64 kWriteProtect = 1 << 16;
    constexpr u64 kSmep = 1 << 20;
    constexpr u64 kSmap = 1 << 21;
    constexpr u64 kKeys = 1 << 22;
    constexpr u64 kPcid = 1 << 17;
    const u64 cr4 = read_cr4();
    const u64 cr0 = guest::cpu::read_cr0();
    const u64 bits[] = {kSmap, kKeys, kPcid, kSmep};
    for (const u64 bit : bits) {
        u64 value = cr4 | bit;
        (void)guest::attempt(try_cr4, &value);
        write_cr4(cr4);
    }
    guest::cpu::write_cr0(cr0 & ~kWriteProtect);
    // The tables it was given lie in pages that the nested ones let it write; its own code's too.
    auto* own = reinterpret_cast<volatile u64*>(guest::kInfoBase);
    const u64 before = own[0];
    own[0] = before;
    guest::cpu::write_cr0(cr0);
    return own[0] == before ? nothing("only its own pages changed") : breach("a page changed by itself");
}

} // namespace septum::attacker::translation
