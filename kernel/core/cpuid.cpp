// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/decide.hpp"

namespace septum::kernel::core {

namespace {

constexpr u32 kOsxsaveCr4 = 1u << 18;
constexpr u32 kOsxsaveEcx = 1u << 27;

// 0x0…, 0x4000_00xx and 0x8000_00xx are ranges 0, 1 and 2; anything else has no answer.
constexpr u32 range_of(u32 leaf) {
    switch (leaf >> 5) {
    case 0: return 0;
    case 0x4000'0000u >> 5: return 1;
    case 0x8000'0000u >> 5: return 2;
    default: return 3;
    }
}

} // namespace

void answer_cpuid(const Manifest& manifest, CpuState& cpu, Effects& effects) {
    effects.set |= kAdvance;
    const u32 leaf = static_cast<u32>(cpu.registers[kRax]);
    const u32 subleaf = static_cast<u32>(cpu.registers[kRcx]);
    u32 eax = 0;
    u32 ebx = 0;
    u32 ecx = 0;
    u32 edx = 0;
    const u32 range = range_of(leaf);
    if (range < 3) {
        const CpuidTable& table = *manifest.cpuid;
        const u32 slot = leaf % CpuidTable::kLeaves;
        const u32 first = table.first[range][slot] - 1u; // no entry: wraps past the bound
        const u32 count = table.entries_of[range][slot];
        for (u32 i = 0; i < manifest::kMaxCpuidRules; i++) {
            if (i >= count || first >= manifest::kMaxCpuidRules - i) {
                break;
            }
            const CpuidEntry& entry = table.entries[first + i];
            if (entry.subleaf != subleaf && entry.subleaf != manifest::kCpuidAnySubleaf) {
                continue;
            }
            eax = entry.registers[0];
            ebx = entry.registers[1];
            ecx = entry.registers[2];
            edx = entry.registers[3];
            if (entry.patch != 0) {
                if ((entry.patch & manifest::kPatchApicIdEbx) != 0) {
                    ebx = (ebx & 0x00FF'FFFF) | cpu.apic_id << 24;
                }
                if ((entry.patch & manifest::kPatchApicIdEdx) != 0) {
                    edx = cpu.apic_id;
                }
                if ((entry.patch & manifest::kPatchApicIdEax) != 0) {
                    eax = cpu.apic_id;
                }
                if ((entry.patch & manifest::kPatchOsxsave) != 0) {
                    ecx = (cpu.cr4 & kOsxsaveCr4) != 0 ? ecx | kOsxsaveEcx : ecx & ~kOsxsaveEcx;
                }
            }
            break;
        }
    }
    cpu.registers[kRax] = eax;
    cpu.registers[kRbx] = ebx;
    cpu.registers[kRcx] = ecx;
    cpu.registers[kRdx] = edx;
}

} // namespace septum::kernel::core
