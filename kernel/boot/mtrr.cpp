// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/mtrr.hpp"

#include "kernel/boot/control.hpp"
#include "kernel/boot/pages.hpp"
#include "kernel/hw/control.hpp"
#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/msr.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u32 kMsrCapability = 0xFE;
constexpr u32 kMsrBase0 = 0x200;
constexpr u32 kMsrMask0 = 0x201;
constexpr u32 kMsrDefault = 0x2FF;
constexpr u32 kMsrFixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B, 0x26C, 0x26D, 0x26E, 0x26F};
constexpr u32 kFixedCount = sizeof kMsrFixed / sizeof kMsrFixed[0];
constexpr u32 kMsrSyscfg = 0xC001'0010; // AMD (APM 2 §7.9)
constexpr u32 kMsrTopMemory2 = 0xC001'001D;
constexpr u64 kHasFixed = 1u << 8; // IA32_MTRRCAP.FIX
constexpr u64 kEnabled = 1u << 11; // IA32_MTRR_DEF_TYPE.E
constexpr u64 kTopMemory2On = 1u << 21;
constexpr u64 kTopMemory2WriteBack = 1u << 22;
constexpr u64 kCacheDisable = 1u << 30; // CR0.CD

struct Registers {
    u64 default_type = 0;
    u32 variable_count = 0;
    u32 fixed_count = 0;
    u64 base[kMaxVariableMtrrs] = {};
    u64 mask[kMaxVariableMtrrs] = {};
    u64 fixed[kFixedCount] = {};
};

Registers of_boot_cpu;

Registers read_registers() {
    Registers now;
    const u64 capability = hw::read_msr(kMsrCapability);
    now.default_type = hw::read_msr(kMsrDefault);
    now.variable_count = capability & 0xFF;
    if (now.variable_count > kMaxVariableMtrrs) {
        now.variable_count = kMaxVariableMtrrs;
    }
    for (u32 i = 0; i < now.variable_count; i++) {
        now.base[i] = hw::read_msr(kMsrBase0 + 2 * i);
        now.mask[i] = hw::read_msr(kMsrMask0 + 2 * i);
    }
    now.fixed_count = (capability & kHasFixed) != 0 ? kFixedCount : 0;
    for (u32 i = 0; i < now.fixed_count; i++) {
        now.fixed[i] = hw::read_msr(kMsrFixed[i]);
    }
    return now;
}

bool same(const Registers& a, const Registers& b) {
    bool alike = a.default_type == b.default_type;
    for (u32 i = 0; i < kMaxVariableMtrrs; i++) {
        alike = alike && a.base[i] == b.base[i] && a.mask[i] == b.mask[i];
    }
    for (u32 i = 0; i < kFixedCount; i++) {
        alike = alike && a.fixed[i] == b.fixed[i];
    }
    return alike;
}

bool by_amd() {
    const hw::CpuidValue vendor = hw::cpuid(0);
    return vendor.registers[1] == 0x6874'7541 && vendor.registers[3] == 0x6974'6E65 &&
           vendor.registers[2] == 0x444D'4163; // "AuthenticAMD"
}

} // namespace

void keep_mtrrs() {
    of_boot_cpu = read_registers();
}

void adopt_mtrrs() {
    if (same(read_registers(), of_boot_cpu)) {
        return;
    }
    const u64 cr0 = read_cr0();
    write_cr0(cr0 | kCacheDisable);
    write_back_caches();
    hw::write_cr3(hw::read_cr3());
    hw::write_msr(kMsrDefault, of_boot_cpu.default_type & ~kEnabled);
    for (u32 i = 0; i < of_boot_cpu.variable_count; i++) {
        hw::write_msr(kMsrBase0 + 2 * i, of_boot_cpu.base[i]);
        hw::write_msr(kMsrMask0 + 2 * i, of_boot_cpu.mask[i]);
    }
    for (u32 i = 0; i < of_boot_cpu.fixed_count; i++) {
        hw::write_msr(kMsrFixed[i], of_boot_cpu.fixed[i]);
    }
    hw::write_msr(kMsrDefault, of_boot_cpu.default_type);
    write_back_caches();
    write_cr0(cr0);
    hw::write_cr3(hw::read_cr3());
}

Mtrrs read_mtrrs() {
    const Registers now = read_registers();
    Mtrrs mtrrs;
    mtrrs.physical_bits = hw::cpuid(0x8000'0008).registers[0] & 0xFF;
    mtrrs.default_type = now.default_type;
    mtrrs.count = now.variable_count;
    for (u32 i = 0; i < now.variable_count; i++) {
        mtrrs.base[i] = now.base[i];
        mtrrs.mask[i] = now.mask[i];
    }
    if (by_amd()) {
        const u64 syscfg = hw::read_msr(kMsrSyscfg);
        if ((syscfg & kTopMemory2On) != 0 && (syscfg & kTopMemory2WriteBack) != 0) {
            mtrrs.forced_write_back_end = hw::read_msr(kMsrTopMemory2);
        }
    }
    return mtrrs;
}

} // namespace septum::kernel::boot
