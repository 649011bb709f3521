// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/cpuid_table.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/percpu.hpp"

namespace septum::kernel::boot {

namespace {

u32 range_of(u32 leaf) { return (leaf >> 30) == 0 ? 0 : (leaf >> 31) == 0 ? 1 : 2; }

} // namespace

void fill_cpuid(const manifest::Header& header, const manifest::Partition& partition) {
    const auto rules = kernel::records<manifest::CpuidRule>(header, header.cpuid, partition.cpuid);
    auto& table = *reinterpret_cast<core::CpuidTable*>(partition.block.value + layout::PartitionBlock::kCpuid);
    // Leaf 0xD tells the size of the state that XCR0 enables: ask with all enabled that a guest may enable.
    const u32 features = hw::cpuid(1).registers[2];
    const bool has_xsave = (features & 1u << 26) != 0;
    if (has_xsave) {
        hw::write_xcr0((features & 1u << 28) != 0 ? 7 : 3);
    }
    u32 used = 0;
    for (u32 i = 0; i < rules.count && used < manifest::kMaxCpuidRules; i++) {
        const manifest::CpuidRule& rule = rules.first[i];
        const bool any = rule.subleaf == manifest::kCpuidAnySubleaf;
        const hw::CpuidValue real = hw::cpuid(rule.leaf, any ? 0 : rule.subleaf);
        core::CpuidEntry& entry = table.entries[used];
        entry.subleaf = rule.subleaf;
        entry.patch = rule.patch;
        for (u32 r = 0; r < 4; r++) {
            entry.registers[r] = (real.registers[r] & rule.mask[r]) | rule.set[r];
        }
        const u32 range = range_of(rule.leaf);
        const u32 slot = rule.leaf % core::CpuidTable::kLeaves;
        used++;
        if (table.entries_of[range][slot] == 0) {
            table.first[range][slot] = static_cast<u8>(used);
        }
        table.entries_of[range][slot]++;
    }
    if (has_xsave) {
        hw::write_xcr0(1);
    }
}

} // namespace septum::kernel::boot
