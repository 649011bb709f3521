// SPDX-License-Identifier: Apache-2.0
// The page of its device's MSI-X table: what it writes there is virtual, and only plain moves are carried out.
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/own_tables.hpp"
#include "partitions/attacker/pci.hpp"

#include <septum/runtime/apic.hpp>

namespace septum::attacker::devices {
namespace {

namespace cpu = guest::cpu;
using namespace pci;

constexpr u32 kEntries = 65;
constexpr u32 kWords = 4;
constexpr u32 kControl = 3;
constexpr Result kCarriedOut = breach("it was carried out");

alignas(16) u8 scratch[64];
alignas(4096) volatile u8 pages[2 * 4096];
volatile u8 code[16];
volatile bool running;

volatile u32* word_of(u64 table, u32 entry, u32 word) {
    return reinterpret_cast<volatile u32*>(table + u64{entry} * 16 + u64{word} * 4);
}

u32 kept(u32 word, u32 value) {
    return word == 0 ? value & ~3U : word == kControl ? value & 1U : value;
}

// The table's place, with what SSE instructions need switched on.
u64 prepare() {
    constexpr u64 kOsFxsr = 1U << 9;
    constexpr u64 kMonitor = 1U << 1;
    constexpr u64 kEmulate = 1U << 2;
    u64 cr4 = 0;
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" : : "r"(cr4 | kOsFxsr));
    cpu::write_cr0((cpu::read_cr0() & ~kEmulate) | kMonitor);
    return kTableAddress;
}

} // namespace

Result table_reads_back(const Try&) {
    const u64 base = table();
    const u32 values[] = {~0U, 0U, 0xFEE0'3000U, 0xA5A5'A5A5U};
    for (const u32 value : values) {
        for (u32 i = 0; i < kEntries * kWords; ++i) {
            *word_of(base, i / kWords, i % kWords) = value + i * 8;
        }
        for (u32 i = 0; i < kEntries * kWords; ++i) {
            if (*word_of(base, i / kWords, i % kWords) != kept(i % kWords, value + i * 8)) {
                return breach("an entry reads otherwise than it was written");
            }
        }
    }
    for (u32 i = 0; i < kEntries * 2; ++i) { // and as quadwords and bytes
        volatile u64& half = *reinterpret_cast<volatile u64*>(base + u64{i} * 8);
        half = 0x0123'4567'FEE0'1004ULL + i;
        const u64 low = kept(i % 2 * 2, 0xFEE0'1004U + i);
        const u64 high = kept(i % 2 * 2 + 1, 0x0123'4567U);
        if (half != (high << 32 | low) || *reinterpret_cast<volatile u8*>(base + u64{i} * 8 + 1) != (low >> 8 & 0xFF)) {
            return breach("half an entry reads otherwise than it was written");
        }
    }
    return nothing("it is a table of its own");
}

Result odd_instructions(const Try& t) {
    const u64 at = prepare();
    switch (t.variant()) {
    case 0: asm volatile("addl $1, (%0)" : : "r"(at) : "memory", "cc"); break;
    case 1: asm volatile("xchgl %%ecx, (%0)" : : "r"(at) : "memory", "rcx"); break;
    case 2: asm volatile("lock addl $1, (%0)" : : "r"(at) : "memory", "cc"); break;
    case 3: asm volatile("lock cmpxchgl %%ecx, (%0)" : : "r"(at) : "memory", "rax", "cc"); break;
    case 4: asm volatile("lock cmpxchg16b (%0)" : : "r"(at) : "memory", "rax", "rdx", "cc"); break;
    case 5: asm volatile("movsl" : : "S"(at), "D"(scratch) : "memory"); break;
    case 6: asm volatile("rep movsq" : : "S"(scratch), "D"(at), "c"(2) : "memory"); break;
    case 7: asm volatile("rep stosl" : : "D"(at), "c"(4), "a"(0) : "memory"); break;
    case 8: asm volatile(".byte 0x0F, 0x10, 0x00" : : "a"(at) : "memory"); break; // MOVUPS xmm0, [rax]
    case 9: asm volatile(".byte 0x0F, 0x11, 0x00" : : "a"(at) : "memory"); break; // MOVUPS [rax], xmm0
    case 10: asm volatile("movnti %%ecx, (%0)" : : "r"(at) : "memory"); break;
    case 11: asm volatile("cmpl $0, (%0)" : : "r"(at) : "memory", "cc"); break;
    case 12: asm volatile("movsbl (%0), %%ecx" : : "r"(at) : "memory", "rcx"); break;
    case 13: asm volatile("pushq (%0)" : : "r"(at) : "memory"); break;
    case 14: asm volatile("jmp *(%0)" : : "r"(at) : "memory"); break;
    case 15: asm volatile("lgdt (%0)" : : "r"(at) : "memory"); break;
    case 16: asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(at + 64) : "memory"); break;
    default: asm volatile("fxsave64 (%0)" : : "r"(at) : "memory"); break;
    }
    return kCarriedOut;
}

Result odd_widths(const Try& t) {
    const u64 at = prepare();
    switch (t.variant()) {
    case 0: *reinterpret_cast<volatile u8*>(at) = 1; break;
    case 1: *reinterpret_cast<volatile u16*>(at) = 1; break;
    case 2: (void)*reinterpret_cast<volatile u16*>(at); break;
    case 3: asm volatile("movl %%ecx, 2(%0)" : : "r"(at) : "memory"); break;
    case 4: asm volatile("movl 14(%0), %%ecx" : : "r"(at) : "memory", "rcx"); break;
    case 5: asm volatile("movq %%rcx, 4(%0)" : : "r"(at) : "memory"); break;
    case 6: asm volatile("movq 12(%0), %%rcx" : : "r"(at) : "memory", "rcx"); break;
    default: asm volatile("movq %%rcx, 0xFFC(%0)" : : "r"(at) : "memory"); break; // out of the page
    }
    return kCarriedOut;
}

Result execute_table(const Try&) {
    asm volatile("call *%0" : : "r"(kTableAddress) : "memory");
    return kCarriedOut;
}

// The processor reads a page-table entry there.
Result walk_through_table(const Try&) {
    (void)*map_by({kTableHere, kTableHere, kTableAddress | entry::kAll, 0});
    return breach("it was walked");
}

// The processor pushes a frame there while a plain move is the next instruction: that of the move's own fault, of an
// interrupt in front of it, and of the trap after a single step.
Result event_into_table(const Try& t) {
    constexpr u64 kNotCanonical = 1ULL << 63;
    constexpr u8 kVector = 0x51;
    constexpr u64 kStack = kTableAddress + 0x100;
    switch (t.variant()) {
    case 0:
        asm volatile("mov %%rsp, %%rbx\n\t"
                     "mov %0, %%rsp\n\t"
                     "mov %%rax, (%%rcx)\n\t"
                     "mov %%rbx, %%rsp"
                     :
                     : "r"(kStack), "a"(0), "c"(kNotCanonical)
                     : "memory", "rbx");
        break;
    case 1:
        guest::apic::command(0, guest::apic::kFixed | guest::apic::kToSelf | kVector);
        asm volatile("mov %%rsp, %%rbx\n\t"
                     "mov %0, %%rsp\n\t"
                     "sti\n\t"
                     "nop\n\t"
                     "mov %%rax, (%%rcx)\n\t"
                     "cli\n\t"
                     "mov %%rbx, %%rsp"
                     :
                     : "r"(kStack), "a"(0), "c"(scratch)
                     : "memory", "rbx");
        break;
    default:
        asm volatile("pushfq\n\t"
                     "orq $0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "mov %0, %%rsp\n\t"
                     "mov %%rax, (%%rcx)\n\t"
                     "ud2"
                     :
                     : "r"(kStack), "a"(0), "c"(scratch)
                     : "memory");
        break;
    }
    return kCarriedOut;
}

// MOV DWORD [RAX + 0], IMM32 in its ten-byte form, and RET; parted at each of its bytes by the end of a page.
Result split_instruction(const Try&) {
    constexpr u8 kMove[] = {0xC7, 0x80, 0, 0, 0, 0, 0, 0x30, 0xE0, 0xFE, 0xC3};
    const u64 base = table();
    for (u32 before = 1; before < sizeof(kMove); ++before) {
        volatile u8* const at = pages + 4096 - before;
        for (u32 i = 0; i < sizeof(kMove); ++i) {
            at[i] = kMove[i];
        }
        at[6] = static_cast<u8>(before << 4);
        asm volatile("call *%0" : : "r"(at), "a"(base) : "memory");
        if (*word_of(base, 0, 0) != (0xFEE0'3000U | before << 4)) {
            return breach("another instruction was carried out");
        }
    }
    return nothing("it was carried out as it stands");
}

// What exits is one instruction, what the kernel finds there may be another: moves to and from memory, of other widths
// and registers, and an ADD.
Result rewrite_move(const Try&) {
    code[0] = 0x89;
    code[1] = 0x08;
    code[2] = 0xC3;
    const bool started = guest::start_processor(1, [](u32) {
        running = true;
        for (;;) {
            const u8 opcodes[] = {0x89, 0x8B, 0x88, 0x01};
            for (const u8 opcode : opcodes) {
                code[0] = opcode;
                code[1] = 0x28;
                code[1] = 0x08;
            }
        }
    });
    if (!started) {
        return breach("its other CPU did not start");
    }
    while (!running) {
        cpu::pause();
    }
    for (u32 i = 0; i < 2'000; ++i) {
        asm volatile("call *%0" : : "r"(code), "a"(kTableAddress) : "memory", "rcx");
    }
    return nothing("nothing else was done");
}

} // namespace septum::attacker::devices
