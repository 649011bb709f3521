// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/cpu.hpp"

#include "kernel/boot/bundle.hpp"
#include "kernel/boot/control.hpp"
#include "kernel/boot/cpu_facts.hpp"
#include "kernel/boot/local_apic.hpp"
#include "kernel/boot/mtrr.hpp"
#include "kernel/boot/refuse.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/msr.hpp"

namespace septum::kernel::boot {

namespace {

// APM 2 §3.1.1, §3.1.3.
constexpr u64 kCr0 = 0x8001'0033;       // PG, WP, NE, ET, MP, PE: write protection counts for the kernel too
constexpr u64 kCr4 = 1u << 5 | 1u << 6 | 3u << 9; // PAE, MCE (else a machine check is a silent reset), OSFXSR, OSXMMEXCPT
constexpr u64 kCr4Osxsave = 1u << 18;
constexpr u32 kXsave = 1u << 26;        // CPUID 1 ECX
constexpr u32 kMsrPat = 0x277;
constexpr u64 kEferNxe = 1ULL << 11;
constexpr u64 kPatAtReset = 0x0007'0406'0007'0406; // WB, WT, UC-, UC, twice (APM 2 §7.8.2)

struct ThisCpu {
    [[nodiscard]] static u32 cpuid(u32 leaf, u32 subleaf, u32 index) {
        return hw::cpuid(leaf, subleaf).registers[index];
    }
    [[nodiscard]] static u64 msr(u32 index) { return hw::read_msr(index); }
};

Refusal set_paging_attributes() {
    if ((hw::cpuid(0x8000'0001).registers[3] >> 20 & 1) == 0) {
        return {Code::cpu, Value::text("no-execute pages"), Value::cpu(read_apic_id()), Value::text("present"),
                Value::text("absent")};
    }
    hw::write_msr(hw::kMsrEfer, hw::read_msr(hw::kMsrEfer) | kEferNxe);
    hw::write_msr(kMsrPat, kPatAtReset);
    return kHolds;
}

} // namespace

Refusal ready_cpu(const manifest::Header& header) {
    SEPTUM_REQUIRE(set_paging_attributes());
    const u32 id = read_apic_id();
    for (const auto& fact : records<manifest::Fact>(header, header.facts)) {
        now_doing(fact.name);
        SEPTUM_REQUIRE(check_cpu_fact(fact, ThisCpu{}, id));
    }
    now_doing("memory types");
    const Mtrrs mtrrs = read_mtrrs();
    for (const auto& range : records<manifest::Range>(header, header.ram)) {
        SEPTUM_REQUIRE(check_write_back(mtrrs, range));
    }
    now_doing("local APIC");
    return enable_local_apic(header.apic);
}

void set_control_registers() {
    write_cr0(kCr0);
    write_cr4((hw::cpuid(1).registers[2] & kXsave) != 0 ? kCr4 | kCr4Osxsave : kCr4);
}

} // namespace septum::kernel::boot
