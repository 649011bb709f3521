// SPDX-License-Identifier: Apache-2.0
// Reaching memory that is not its own. The page tables it was given map whatever it asks for; the nested ones do not.
#include "partitions/attacker/attack.hpp"

#include <septum/manifest/layout.hpp>
#include <septum/manifest/manifest.hpp>
#include <septum/runtime/apic.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::memory {
namespace {

// Where the kernel, its tables and the other partitions lie is not known in here; on a machine with 1 GiB of memory,
// this is among them.
constexpr u64 kHostMemory = 0x3000'0000;
constexpr u64 kLocalApic = 0xFEE0'0000; // and with another page: the window that MSIs are written to
constexpr u64 kVtd = 0xFED9'0000;       // where chip sets with VT-d have its registers
constexpr u64 kAmdIommu = 0xFED8'0000;
constexpr u64 kEcam = 0xB000'0000; // Q35's, as its firmware sets it
constexpr u64 kIoApic = 0xFEC0'0000;
constexpr u64 kEventTimer = 0xFED0'0000;
constexpr u64 kTrustedModule = 0xFED4'0000;
constexpr u64 kResetVector = 0xFFFF'FFF0;

volatile u64* at(u64 address) {
    return reinterpret_cast<volatile u64*>(address);
}
volatile u32* word_at(u64 address) {
    return reinterpret_cast<volatile u32*>(address);
}

Result read(u64 address) {
    (void)*at(address);
    return breach("the read came back");
}
Result write(u64 address) {
    *at(address) = 0;
    return breach("the write went through");
}
Result write_word(u64 address, u32 value) {
    *word_at(address) = value;
    return breach("the write went through");
}

// Its memory behind its own program, stacks excepted.
constexpr u64 kFreeBegin = 4 * kMiB;
constexpr u64 kFreeEnd = 12 * kMiB;
constexpr u64 kMark = 0x6B72'614D'2072'754FULL; // "Our Mark"

constexpr Result kReached = breach("it was reached");

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

} // namespace

// The kernel lies where every partition has RAM of its own; is it perhaps the same RAM?
Result search_own_ram(const Try& t) {
    constexpr u8 kElf[4] = {0x7F, 'E', 'L', 'F'};
    for (u64 page = kPageSize; page < t.info().ram_size && page < guest::kLowRamLimit; page += kPageSize) {
        const u64 value = *at(page);
        const bool elf =
            (value & 0xFFFF'FFFF) == (u64{kElf[3]} << 24 | u64{kElf[2]} << 16 | u64{kElf[1]} << 8 | kElf[0]);
        if (value == manifest::kMagic || (elf && page >= layout::kKernelBase)) {
            return breach("a page of the image is in here");
        }
    }
    return nothing("it holds only what belongs to it");
}

Result read_above_ram(const Try& t) {
    return read(t.info().ram_size);
}
Result write_above_ram(const Try& t) {
    return write(t.info().ram_size);
}
Result execute_above_ram(const Try& t) {
    reinterpret_cast<void (*)()>(t.info().ram_size)();
    return breach("it ran");
}
Result read_host_memory(const Try&) {
    return read(kHostMemory);
}
Result write_host_memory(const Try&) {
    return write(kHostMemory);
}
Result read_foreign_channel(const Try& t) {
    return read(guest::kChannelBase + u64{t.info().channel_count} * 2 * kMiB); // behind its own, if it has any
}

Result write_local_apic(const Try&) {
    constexpr u64 kCommandLow = 0x300;
    return write_word(kLocalApic + kCommandLow, 0xC'4500); // INIT to all others
}
Result write_msi_window(const Try&) {
    return write_word(kLocalApic + 0x1000, 0x40); // destination 1, vector 0x40 (SDM 3 §11.11)
}
Result write_iommu(const Try&) {
    constexpr u64 kGlobalCommand = 0x18;
    return write_word(kVtd + kGlobalCommand, 0);
}
Result write_amd_iommu(const Try&) {
    constexpr u64 kControl = 0x18;
    return write_word(kAmdIommu + kControl, 0);
}
Result write_io_apic(const Try&) {
    return write_word(kIoApic, 0x10);
}
Result read_event_timer(const Try&) {
    return read(kEventTimer);
}
Result read_trusted_module(const Try&) {
    return read(kTrustedModule);
}
Result write_ecam(const Try&) {
    return write_word(kEcam + 4, 0x7); // the host bridge's command register
}
Result read_device_windows(const Try& t) {
    constexpr u64 kWindows[] = {0xC000'0000, 0xE000'0000, 0xFD00'0000, 0xFEB0'0000};
    return read(kWindows[t.variant() % 4]);
}
Result read_flash(const Try&) {
    return read(kResetVector);
}

Result look_through_legacy_hole(const Try&) {
    for (u64 address = 0xA'0000; address < guest::kFirmwareBase; address += 8) {
        if (*at(address) != 0) {
            return breach("something is there");
        }
    }
    return nothing("it is empty memory of its own");
}

Result leave_marks(const Try&) {
    for (u64 address = kFreeBegin; address < kFreeEnd; address += 64) {
        *at(address) = kMark;
    }
    return nothing("marked 8 MiB");
}

Result find_marks(const Try&) {
    for (u64 address = kFreeBegin; address < kFreeEnd; address += 8) {
        if (*at(address) != 0) {
            return breach("something of a former life is there");
        }
    }
    return nothing("all is zero");
}

Result read_across_end(const Try& t) {
    return read(t.info().ram_size - 4);
}
Result write_across_end(const Try& t) {
    return write(t.info().ram_size - 4);
}

Result copy_across_end(const Try& t) {
    u64 from = kFreeBegin;
    u64 to = t.info().ram_size - kPageSize;
    u64 words = 2 * kPageSize / 8;
    asm volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(words) : : "memory");
    return kReached;
}

// MOV EAX, imm32: one byte of it inside.
Result run_across_end(const Try& t) {
    auto* last = reinterpret_cast<volatile u8*>(t.info().ram_size - 1);
    *last = 0xB8;
    reinterpret_cast<void (*)()>(t.info().ram_size - 1)();
    return breach("it ran");
}

Result lock_above_ram(const Try& t) {
    u64 expected = 0;
    (void)__atomic_compare_exchange_n(reinterpret_cast<u64*>(t.info().ram_size), &expected, u64{1}, false,
                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return kReached;
}

Result save_state_above_ram(const Try& t) {
    asm volatile("fxsaveq (%0)" : : "r"(t.info().ram_size) : "memory");
    return kReached;
}

Result stack_above_ram(const Try& t) {
    asm volatile("movq %%rsp, %%rcx\n\tmovq %0, %%rsp\n\tpushq $0\n\tmovq %%rcx, %%rsp"
                 :
                 : "r"(t.info().ram_size + kPageSize)
                 : "rcx", "memory");
    return kReached;
}

Result segments_above_ram(const Try& t) {
    const TablePointer pointer{0xFFF, t.info().ram_size};
    asm volatile("lgdt %0\n\tmovl $8, %%eax\n\tmovl %%eax, %%ds" : : "m"(pointer) : "rax", "memory");
    return kReached;
}

Result gates_above_ram(const Try& t) {
    const TablePointer pointer{0xFFF, t.info().ram_size};
    asm volatile("lidt %0\n\tint3" : : "m"(pointer) : "memory");
    return kReached;
}

// A task state above its memory is no harm until an interrupt needs a stack from it (APM 2 §8.9.4).
Result task_state_above_ram(const Try& t) {
    static u64 descriptors[4][10]; // one for each CPU
    u64* own = descriptors[guest::this_processor() % 4];
    const u64 base = t.info().ram_size;
    own[1] = 0x0020'9B00'0000'0000; // code
    own[2] = 0x00CF'9300'0000'FFFF; // data
    own[6] = 0x0000'8900'0000'0067 | (base & 0xFF'FFFF) << 16 | (base >> 24 & 0xFF) << 56;
    own[7] = base >> 32;
    const TablePointer pointer{8 * 10 - 1, reinterpret_cast<u64>(own)};
    constexpr u8 kOwnStack = 3;
    guest::use_stack(3, kOwnStack);
    asm volatile("lgdt %0\n\tmovl $0x30, %%eax\n\tltr %%ax\n\tint3" : : "m"(pointer) : "rax", "memory");
    return kReached;
}

} // namespace septum::attacker::memory
