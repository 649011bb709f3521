// SPDX-License-Identifier: Apache-2.0
// One virtual CPU of a small machine: two partitions, three CPUs, two channels.
#pragma once

#include "kernel/core/decide.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace septum::kernel::core {

inline constexpr u16 kFirstApicId = 4; // the partition's CPUs have APIC ids 4 and 21: two clusters
inline constexpr u16 kSecondApicId = 21;

struct Machine : testing::Test {
    std::vector<manifest::Cpu> cpus{{kFirstApicId, 1, 0, Hpa{}}, {kSecondApicId, 1, 1, Hpa{}}};
    std::vector<manifest::PortRule> ports{
        {0x70, 0x71, manifest::PortAnswer::constant, 0x5A, 0}, {0xB2, 0xB3, manifest::PortAnswer::forbidden, 0, 0},
        {0x3F8, 0x3FF, manifest::PortAnswer::uart, 0, 0},      {0xCF9, 0xCF9, manifest::PortAnswer::forbidden, 0, 0},
        {0x5E00, 0x5E00, manifest::PortAnswer::sleep, 0, 0},   {0x5E02, 0x5E02, manifest::PortAnswer::reset, 0, 0},
        {0x5E04, 0x5E04, manifest::PortAnswer::doorbell, 0, 0}};
    std::vector<manifest::MsrRule> msrs{
        {0x10, 0x10, manifest::MsrAnswer::fault_gp, manifest::MsrAnswer::ignore, 0, 0, 0},
        {0x1B, 0x1B, manifest::MsrAnswer::apic_base, manifest::MsrAnswer::apic_base, 0, 0, 0},
        {0x8B, 0x8B, manifest::MsrAnswer::constant, manifest::MsrAnswer::forbidden, 0, 0, 0x1234'5678'9ABC},
        {0x800, 0x8FF, manifest::MsrAnswer::x2apic, manifest::MsrAnswer::x2apic, 0, 0, 0},
        {0xC000'0080, 0xC000'0080, manifest::MsrAnswer::efer, manifest::MsrAnswer::efer, 0, 0, 0xD01},
        {0xC001'0111, 0xC001'0118, manifest::MsrAnswer::forbidden, manifest::MsrAnswer::forbidden, 0, 0, 0}};
    std::vector<manifest::Channel> channels{
        {"out", {}, 1, 0, 1, 0, 0}, {"in", {}, 0, 1, 1, 0x40, 0}, {"mute", {}, 1, 0, 0, 0, 0}};
    CpuidTable cpuid{};
    Manifest manifest;
    CpuState cpu;
    PartitionState partition;
    Effects effects;

    Machine() {
        manifest.partition_index = 1;
        manifest.cpus = {cpus.data(), 2};
        manifest.ports = {ports.data(), static_cast<u32>(ports.size())};
        manifest.msrs = {msrs.data(), static_cast<u32>(msrs.size())};
        manifest.channels = {channels.data(), static_cast<u32>(channels.size())};
        manifest.cpuid = &cpuid;
        manifest.tsc_hz = 0x1'2345'6789;
        cpu.apic_id = kFirstApicId;
    }

    void step(const Exit& exit) {
        effects = {};
        decide(manifest, cpu, partition, exit, effects);
    }
    void in(u16 port, u8 width = 1) { step({.kind = ExitKind::port_in, .width = width, .address = port}); }
    void out(u16 port, u32 value, u8 width = 1) {
        step({.kind = ExitKind::port_out, .width = width, .address = port, .value = value});
    }
    void read(u32 msr) { step({.kind = ExitKind::msr_read, .address = msr}); }
    void write(u32 msr, u64 value) { step({.kind = ExitKind::msr_write, .address = msr, .value = value}); }
    void mail(u32 bits) {
        effects = {};
        decide_mail(cpu, bits, effects);
    }
    [[nodiscard]] u64 rax() const { return cpu.registers[kRax]; }
    void expect_exception(u8 vector) const {
        EXPECT_EQ(effects.set, kInject);
        EXPECT_EQ(effects.inject.vector, vector);
        EXPECT_EQ(effects.inject.type, kTypeException);
    }
    void expect_fault(Fault fault) const {
        EXPECT_EQ(effects.set, kFault);
        EXPECT_EQ(effects.fault, fault);
    }
};

} // namespace septum::kernel::core
