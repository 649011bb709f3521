// SPDX-License-Identifier: Apache-2.0
// Reaching memory that is not its own. Its page tables map whatever it asks for; the nested ones do not.
#include "partitions/intruder/attack.hpp"
#include "partitions/intruder/paging.hpp"

#include <septum/manifest/layout.hpp>
#include <septum/manifest/manifest.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::intruder::memory {
namespace {

using guest::Hex;

// Where the kernel, its tables and the other partitions lie is not known in here; on a machine with 1 GiB of memory,
// this is among them.
constexpr u64 kHostMemory = 0x3000'0000;
constexpr u64 kHostChannel = guest::kChannelBase;
constexpr u64 kLocalApic = 0xFEE0'0000;
constexpr u64 kIommu = 0xFED9'0000; // where chip sets with VT-d have its registers

volatile u64* at(u64 address) {
    return reinterpret_cast<volatile u64*>(address);
}

u64 beyond_ram(const Try& t, u64 wish) {
    return wish < t.info().ram_size ? t.info().ram_size : wish;
}

Result read(u64 address) {
    const u64 value = *at(address);
    guest::say("intruder: found ", Hex{value});
    return breach("the read came back");
}

Result write(u64 address) {
    *at(address) = 0;
    return breach("the write went through");
}

} // namespace

// The kernel lies where every partition has RAM of its own; is it perhaps the same RAM?
Result search_own_ram(const Try& t) {
    t.say("search its own memory for the kernel's manifest, and ", Hex{layout::kKernelBase}, " for the kernel");
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
    t.say("read just above its memory, at ", Hex{t.info().ram_size});
    return read(t.info().ram_size);
}

Result write_above_ram(const Try& t) {
    t.say("write just above its memory, at ", Hex{t.info().ram_size});
    return write(t.info().ram_size);
}

Result execute_above_ram(const Try& t) {
    t.say("execute just above its memory, at ", Hex{t.info().ram_size});
    reinterpret_cast<void (*)()>(t.info().ram_size)();
    return breach("it ran");
}

Result read_host_memory(const Try& t) {
    const u64 address = beyond_ram(t, kHostMemory);
    t.say("read the others' memory at its host address ", Hex{address});
    return read(address);
}

Result read_foreign_channel(const Try& t) {
    const u64 address = kHostChannel + t.info().channel_count * 2 * kMiB; // behind its own, if it has any
    t.say("read the others' channel at ", Hex{address});
    return read(address);
}

Result write_local_apic(const Try& t) {
    t.say("write the physical local APIC at ", Hex{kLocalApic});
    constexpr u64 kCommandLow = 0x300;
    *reinterpret_cast<volatile u32*>(kLocalApic + kCommandLow) = 0xC'4500; // INIT to all others
    return breach("the write went through");
}

Result write_iommu(const Try& t) {
    t.say("switch the IOMMU off at ", Hex{kIommu});
    constexpr u64 kGlobalCommand = 0x18;
    *reinterpret_cast<volatile u32*>(kIommu + kGlobalCommand) = 0;
    return breach("the write went through");
}

Result read_above_4g(const Try& t) {
    const u64 address = t.info().ram_size > guest::kLowRamLimit
                            ? guest::kHighRamBase + t.info().ram_size - guest::kLowRamLimit
                            : guest::kHighRamBase;
    t.say("map everything in its own page tables and read at ", Hex{address});
    map_everything(address);
    return read(address);
}

Result write_top_of_space(const Try& t) {
    const u64 address = (1ULL << physical_bits()) - kPageSize;
    t.say("write the highest page there is, at ", Hex{address});
    *map_page(address) = 0;
    return breach("the write went through");
}

// The processor walks the guest's tables by itself; those walks too go through the nested tables.
Result use_host_page_tables(const Try& t) {
    const u64 address = beyond_ram(t, kHostMemory);
    t.say("use host memory at ", Hex{address}, " as its page tables");
    guest::cpu::write_cr3(address);
    return breach("the tables were used");
}

} // namespace septum::intruder::memory
