// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/cpu.hpp"

#include "kernel/boot/bundle.hpp"
#include "kernel/boot/cpu_facts.hpp"
#include "kernel/boot/local_apic.hpp"
#include "kernel/boot/memory_type.hpp"
#include "kernel/boot/refuse.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/msr.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u32 kMsrMtrrCapability = 0xFE;
constexpr u32 kMsrMtrrBase0 = 0x200;
constexpr u32 kMsrMtrrMask0 = 0x201;
constexpr u32 kMsrMtrrDefault = 0x2FF;
constexpr u32 kMsrSyscfg = 0xC001'0010;    // AMD (APM 2 §7.9)
constexpr u32 kMsrTopMemory2 = 0xC001'001D;
constexpr u64 kTopMemory2On = 1u << 21;
constexpr u64 kTopMemory2WriteBack = 1u << 22;
constexpr u64 kPatAtReset = 0x0007'0406'0007'0406; // WB, WT, UC-, UC, twice (APM 2 §7.8.2)

struct ThisCpu {
    [[nodiscard]] static u32 cpuid(u32 leaf, u32 subleaf, u32 index) {
        return hw::cpuid(leaf, subleaf).registers[index];
    }
    [[nodiscard]] static u64 msr(u32 index) { return hw::read_msr(index); }
};

bool by_amd() {
    const hw::CpuidValue vendor = hw::cpuid(0);
    return vendor.registers[1] == 0x6874'7541 && vendor.registers[3] == 0x6974'6E65 &&
           vendor.registers[2] == 0x444D'4163; // "AuthenticAMD"
}

void read_mtrrs(Mtrrs& mtrrs) {
    mtrrs.physical_bits = hw::cpuid(0x8000'0008).registers[0] & 0xFF;
    mtrrs.default_type = hw::read_msr(kMsrMtrrDefault);
    mtrrs.count = hw::read_msr(kMsrMtrrCapability) & 0xFF;
    if (mtrrs.count > kMaxVariableMtrrs) {
        mtrrs.count = kMaxVariableMtrrs;
    }
    for (u32 i = 0; i < mtrrs.count; i++) {
        mtrrs.base[i] = hw::read_msr(kMsrMtrrBase0 + 2 * i);
        mtrrs.mask[i] = hw::read_msr(kMsrMtrrMask0 + 2 * i);
    }
    if (by_amd()) {
        const u64 syscfg = hw::read_msr(kMsrSyscfg);
        if ((syscfg & kTopMemory2On) != 0 && (syscfg & kTopMemory2WriteBack) != 0) {
            mtrrs.forced_write_back_end = hw::read_msr(kMsrTopMemory2);
        }
    }
}

Refusal set_paging_attributes() {
    if ((hw::cpuid(0x8000'0001).registers[3] >> 20 & 1) == 0) {
        return {Code::cpu, Value::text("no-execute pages"), Value::cpu(read_apic_id()), Value::text("present"),
                Value::text("absent")};
    }
    hw::write_msr(hw::kMsrEfer, hw::read_msr(hw::kMsrEfer) | hw::kEferNxe);
    hw::write_msr(hw::kMsrPat, kPatAtReset);
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
    Mtrrs mtrrs;
    read_mtrrs(mtrrs);
    for (const auto& range : records<manifest::Range>(header, header.ram)) {
        SEPTUM_REQUIRE(check_write_back(mtrrs, range));
    }
    now_doing("local APIC");
    return enable_local_apic(header.apic);
}

} // namespace septum::kernel::boot
