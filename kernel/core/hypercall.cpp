// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/decide.hpp"

#include <septum/guest/hypercall.hpp>

namespace septum::kernel::core {

static_assert(manifest::kMaxChannels <= 0xFF);

bool ring(const Manifest& manifest, u32 channel, Effects& effects) {
    // The guest chose the number, so that the bound must hold for a mispredicted branch too: no further than one byte.
    const manifest::Channel* target = manifest.channels.at(channel & 0xFF);
    if (target == nullptr || target->writer != manifest.partition_index || target->doorbell == 0) {
        return false;
    }
    effects.set |= kBell;
    effects.channel = static_cast<u8>(channel);
    return true;
}

u8 take_rung(PartitionState& partition) {
    constexpr u32 kWords = sizeof(partition.rung) / sizeof(partition.rung[0]);
    for (u32 word = 0; word < kWords; word++) {
        const u64 bits = __atomic_load_n(&partition.rung[word], __ATOMIC_ACQUIRE);
        if (bits == 0) {
            continue;
        }
        const u32 bit = static_cast<u32>(__builtin_ctzll(bits));
        const u64 before = __atomic_fetch_and(&partition.rung[word], ~(1ULL << bit), __ATOMIC_ACQ_REL);
        if ((before >> bit & 1) != 0) { // else another CPU of the partition was faster
            return static_cast<u8>(word * 64 + bit);
        }
    }
    return 0xFF;
}

namespace {

// VMware's timing calls (the two a stock Linux makes). Everything else answers all ones in EAX.
void answer_vmware(const Manifest& manifest, CpuState& cpu) {
    switch (cpu.registers[kRcx] & 0xFFFF) {
    case guest::kVmwareGetHz:
        cpu.registers[kRax] = static_cast<u32>(manifest.tsc_hz);
        cpu.registers[kRbx] = manifest.tsc_hz >> 32;
        cpu.registers[kRcx] = 0; // the local APIC timer is calibrated by the TSC
        break;
    case guest::kVmwareGetVcpuInfo:
        cpu.registers[kRax] = 8; // bit 3: x2APIC works without interrupt remapping
        break;
    default:
        cpu.registers[kRax] = 0xFFFF'FFFF;
        break;
    }
}

} // namespace

void answer_hypercall(const Manifest& manifest, CpuState& cpu, PartitionState& partition, const Exit& exit,
                      Effects& effects) {
    if (exit.privilege != 0) {
        inject_exception(effects, kVectorInvalidOpcode);
        return;
    }
    effects.set |= kAdvance;
    u64& result = cpu.registers[kRax];
    const u32 number = static_cast<u32>(result);
    switch (number) {
    case static_cast<u32>(guest::Hypercall::version): result = guest::kInterfaceVersion; break;
    case static_cast<u32>(guest::Hypercall::doorbell):
        result = cpu.registers[kRdi] < manifest::kMaxChannels &&
                         ring(manifest, static_cast<u32>(cpu.registers[kRdi]), effects)
                     ? 0
                     : guest::kDenied;
        break;
    case static_cast<u32>(guest::Hypercall::pending): {
        const u8 channel = take_rung(partition);
        result = channel == 0xFF ? guest::kNone : channel;
        break;
    }
    case static_cast<u32>(guest::Hypercall::heartbeat):
        if (!manifest.has_heartbeat) {
            result = guest::kDenied;
        } else {
            __atomic_fetch_add(&partition.heartbeats, 1u, __ATOMIC_RELAXED);
            result = 0;
        }
        break;
    case static_cast<u32>(guest::Hypercall::stop): effects.set |= kStop; break;
    case static_cast<u32>(guest::Hypercall::restart): effects.set |= kRestart; break;
    case guest::kVmwareMagic: answer_vmware(manifest, cpu); break;
    default: result = guest::kUnknown; break;
    }
}

} // namespace septum::kernel::core
