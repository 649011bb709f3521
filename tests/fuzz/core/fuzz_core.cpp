// SPDX-License-Identifier: Apache-2.0
// Exits and mail, made from fuzzer bytes, against the kernel's decisions. Whatever the guest does, the effects must stay
// inside what its partition may cause.
#include "kernel/core/decide.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace septum;
using namespace septum::kernel::core;

namespace {

constexpr u32 kPartition = 1;
constexpr manifest::Cpu kCpus[] = {{4, kPartition, 0, Hpa{}}, {21, kPartition, 1, Hpa{}}, {5, kPartition, 2, Hpa{}}};
constexpr manifest::PortRule kPorts[] = {{0x70, 0x71, manifest::PortAnswer::constant, 0, 0},
                                         {0xB2, 0xB3, manifest::PortAnswer::forbidden, 0, 0},
                                         {0x3F8, 0x3FF, manifest::PortAnswer::uart, 0, 0},
                                         {0x5E00, 0x5E00, manifest::PortAnswer::sleep, 0, 0},
                                         {0x5E02, 0x5E02, manifest::PortAnswer::reset, 0, 0},
                                         {0x5E04, 0x5E04, manifest::PortAnswer::doorbell, 0, 0}};
constexpr manifest::MsrRule kMsrs[] = {
    {0x1B, 0x1B, manifest::MsrAnswer::apic_base, manifest::MsrAnswer::apic_base, 0, 0, 0},
    {0x800, 0x8FF, manifest::MsrAnswer::x2apic, manifest::MsrAnswer::x2apic, 0, 0, 0},
    {0xC000'0080, 0xC000'0080, manifest::MsrAnswer::efer, manifest::MsrAnswer::efer, 0, 0, 0xD01},
    {0xC001'0111, 0xC001'0118, manifest::MsrAnswer::forbidden, manifest::MsrAnswer::forbidden, 0, 0, 0}};
constexpr manifest::Channel kChannels[] = {{"a", {}, 1, 0, 1, 0, 0}, {"b", {}, 0, 1, 1, 0x40, 0}, {"c", {}, 2, 0, 1, 0, 0}};

[[noreturn]] void broken(const char* rule) {
    std::fprintf(stderr, "broken: %s\n", rule);
    std::abort();
}

class Input {
public:
    Input(const u8* data, size_t size) : data_(data), left_(size) {}
    template <typename T>
    bool take(T& value) {
        if (left_ < sizeof(T)) {
            return false;
        }
        std::memcpy(&value, data_, sizeof(T));
        data_ += sizeof(T);
        left_ -= sizeof(T);
        return true;
    }

private:
    const u8* data_;
    size_t left_;
};

// Interesting numbers are found by shape, not by luck.
u64 shape(u64 value, u8 how) {
    constexpr u64 kPlaces[] = {0x830, 0x3F8, 0x5E04, 0xC000'0080, 0x1B, 0x80F, 0x832, 0x5E00, 0xB1, 0xFFFF, 0xC001'0117, 0x83F};
    switch (how % 4) {
    case 0: return kPlaces[value % (sizeof kPlaces / sizeof kPlaces[0])];
    case 1: return value & 0xFFFF;
    case 2: return 0x800 + (value & 0x3F);
    default: return value;
    }
}

void check(const Manifest& machine, const Effects& effects) {
    const u32 set = effects.set;
    const u64 own = (1ULL << machine.cpus.count) - 1;
    if ((set & (kInterrupt | kPost)) != 0 && (effects.targets & ~own) != 0) {
        broken("an interrupt or mail leaves the partition");
    }
    if ((set & kInterrupt) != 0 && effects.vector < 16) {
        broken("an illegal vector is sent");
    }
    if ((set & kPost) != 0 && (effects.mail & (kMailPark | kMailHalt | kMailWake)) != 0) {
        broken("a guest posts the kernel's own mail");
    }
    if ((set & kBell) != 0 && (effects.channel >= 3 || kChannels[effects.channel].writer != kPartition)) {
        broken("a foreign bell is rung");
    }
    if ((set & kSetEfer) != 0 && (effects.value & ~0xD01ULL) != 0) {
        broken("EFER gets a bit it must not");
    }
    if ((set & kApicWrite) != 0) {
        const u32 index = effects.apic_register;
        const bool lvt = index >= 0x832 && index <= 0x837;
        if (index == 0x830 || (effects.value >> 32) != 0 || (lvt && (effects.value & 0x700) != 0)) {
            broken("the local APIC is written out of bounds");
        }
        if ((index == 0x835 || index == 0x836) && (effects.value & 1u << 16) == 0) {
            broken("a legacy line is unmasked");
        }
    }
    if ((set & kFault) != 0 && (set & (kAdvance | kInject | kInterrupt | kPost | kBell | kApicWrite)) != 0) {
        broken("a forbidden act has an effect");
    }
    if ((set & kFault) != 0 && (effects.fault == Fault::none || effects.fault >= Fault::count)) {
        broken("a fault without a name");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    Input input(data, size);
    CpuidTable cpuid{};
    Manifest machine;
    machine.partition_index = kPartition;
    machine.cpus = {kCpus, 3};
    machine.ports = {kPorts, sizeof kPorts / sizeof kPorts[0]};
    machine.msrs = {kMsrs, sizeof kMsrs / sizeof kMsrs[0]};
    machine.channels = {kChannels, 3};
    machine.cpuid = &cpuid;
    u8 mode = 0;
    static_cast<void>(input.take(mode));
    machine.apic = (mode & 1) != 0 ? manifest::ApicMode::xapic : manifest::ApicMode::x2apic;
    if (input.take(cpuid.first) && input.take(cpuid.entries_of)) {
        // Any table at all: reads must stay inside it.
    }
    CpuState cpu;
    cpu.vcpu = mode % 3;
    cpu.apic_id = kCpus[cpu.vcpu].apic_id;
    PartitionState partition;

    struct Step {
        u8 kind;
        u8 width;
        u8 how;
        u8 flags;
        u64 address;
        u64 value;
        u64 registers[4];
    } step{};
    while (input.take(step)) {
        Effects effects;
        if ((step.flags & 0x80) != 0) {
            decide_mail(cpu, static_cast<u32>(step.value) & 0xFF3F, effects);
            check(machine, effects);
            continue;
        }
        std::memcpy(cpu.registers, step.registers, sizeof step.registers);
        if ((step.flags & 4) != 0) {
            cpu.registers[kRax] = 0x5345'5000 + step.registers[0] % 8;
        }
        Exit exit;
        exit.kind = static_cast<ExitKind>(step.kind % (kExitKinds + 1));
        exit.width = static_cast<u8>(1u << step.width % 3);
        exit.privilege = step.flags & 3;
        exit.delivering = (step.flags & 8) != 0;
        exit.address = shape(step.address, step.how);
        exit.value = step.value;
        exit.rip = step.address & 3;
        decide(machine, cpu, partition, exit, effects);
        check(machine, effects);
    }
    return 0;
}
