// SPDX-License-Identifier: Apache-2.0
#include "build/tables/rules.hpp"

namespace septum::build {
namespace {

using manifest::MsrAnswer;
using manifest::MsrRule;

constexpr MsrRule rule(std::uint32_t first, std::uint32_t last, MsrAnswer read, MsrAnswer write,
                       std::uint64_t value = 0) {
    return {first, last, read, write, 0, 0, value};
}

constexpr std::uint64_t kVirtualEfer = 0xD01;         // NXE, LMA, LME, SCE (APM 2 §3.1.7)
constexpr std::uint64_t kMtrrDefaultType = 0x806;     // enabled, write-back (APM 2 §7.7.2.1)
constexpr std::uint64_t kHwcrTscFreqSel = 0x100'0000; // the TSC counts at the P0 frequency

} // namespace

std::vector<MsrRule> msr_rules() {
    using enum MsrAnswer;
    return {
        rule(0x10, 0x10, fault_gp, ignore),     // TSC: reads never exit
        rule(0x1B, 0x1B, apic_base, apic_base), // APIC_BASE
        rule(0x79, 0x79, forbidden, forbidden), // microcode update, Intel's
        rule(0x8B, 0x8B, constant, forbidden),  // patch level: none
        rule(0x9B, 0x9B, forbidden, forbidden), // SMM_MONITOR_CTL
        rule(0x9E, 0x9E, forbidden, forbidden), // SMBASE
        // MTRRs that only say that all is write-back: without them a stock Linux does not use PAT (§7.7.2).
        rule(0xFE, 0xFE, constant, fault_gp),    // MTRRcap: no variable and no fixed ones
        rule(0x179, 0x17A, constant, fault_gp),  // MCG_CAP: no banks; MCG_STATUS: no machine check (§9.3.1)
        rule(0x1D9, 0x1D9, constant, ignore),    // DebugCtl
        rule(0x200, 0x276, fault_gp, forbidden), // variable and fixed MTRRs
        rule(0x278, 0x2FE, fault_gp, forbidden), // the rest of them, past PAT
        rule(0x2FF, 0x2FF, constant, ignore, kMtrrDefaultType), rule(0x800, 0x8FF, x2apic, x2apic), // local APIC
        rule(0xC000'0080, 0xC000'0080, efer, efer, kVirtualEfer),
        rule(0xC001'0010, 0xC001'0010, fault_gp, forbidden),               // SYSCFG
        rule(0xC001'0015, 0xC001'0015, constant, ignore, kHwcrTscFreqSel), // HWCR
        rule(0xC001'0016, 0xC001'0019, forbidden, forbidden),              // IORRs
        rule(0xC001'001A, 0xC001'001D, fault_gp, forbidden),               // TOP_MEM, TOP_MEM2
        rule(0xC001'001F, 0xC001'001F, constant, ignore),                  // NB_CFG
        rule(0xC001'0020, 0xC001'0020, forbidden, forbidden),              // patch loader
        rule(0xC001'0058, 0xC001'0058, fault_gp, forbidden),               // MMIO configuration base
        rule(0xC001'0111, 0xC001'011B, forbidden, forbidden),              // SMM, VM_CR, VM_HSAVE_PA, AVIC doorbell
        rule(0xC001'0140, 0xC001'0141, fault_gp, forbidden),               // OSVW
    };
}

} // namespace septum::build
