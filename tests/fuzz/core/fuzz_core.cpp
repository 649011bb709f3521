// SPDX-License-Identifier: Apache-2.0
// Exits and mail, made from fuzzer bytes, against the kernel's decisions. Whatever the guest does, the effects must
// stay inside what its partition may cause.
#include "kernel/core/decide.hpp"
#include "kernel/core/device.hpp"
#include "step.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace septum;
using namespace septum::kernel::core;

namespace {

constexpr u32 kPartition = 1;
constexpr manifest::Cpu kCpus[] = {{4, kPartition, 0, Hpa{}}, {21, kPartition, 1, Hpa{}}, {5, kPartition, 2, Hpa{}}};
constexpr manifest::PortRule kPorts[] = {
    {0x70, 0x71, manifest::PortAnswer::constant, 0, 0},    {0xB2, 0xB3, manifest::PortAnswer::forbidden, 0, 0},
    {0x3F8, 0x3FF, manifest::PortAnswer::uart, 0, 0},      {0xCF8, 0xCF8, manifest::PortAnswer::pci_address, 0, 0},
    {0xCF9, 0xCF9, manifest::PortAnswer::forbidden, 0, 0}, {0xCFC, 0xCFF, manifest::PortAnswer::pci_data, 0, 0},
    {0x5E00, 0x5E00, manifest::PortAnswer::sleep, 0, 0},   {0x5E02, 0x5E02, manifest::PortAnswer::reset, 0, 0},
    {0x5E04, 0x5E04, manifest::PortAnswer::doorbell, 0, 0}};
constexpr manifest::MsrRule kMsrs[] = {
    {0x1B, 0x1B, manifest::MsrAnswer::apic_base, manifest::MsrAnswer::apic_base, 0, 0, 0},
    {0x800, 0x8FF, manifest::MsrAnswer::x2apic, manifest::MsrAnswer::x2apic, 0, 0, 0},
    {0xC000'0080, 0xC000'0080, manifest::MsrAnswer::efer, manifest::MsrAnswer::efer, 0, 0, 0xD01},
    {0xC001'0111, 0xC001'0118, manifest::MsrAnswer::forbidden, manifest::MsrAnswer::forbidden, 0, 0, 0}};
constexpr manifest::Channel kChannels[] = {
    {"a", {}, 1, 0, 1, 0, 0}, {"b", {}, 0, 1, 1, 0x40, 0}, {"c", {}, 2, 0, 1, 0, 0}};

// A host bridge, a disk with MSI-X of which five of 70 entries are shown, a card with MSI; before them a foreign
// device's tables.
using enum manifest::PciAnswer;
constexpr manifest::PciRegister kPciRegisters[] = {{0x00, constant, 0, 0, 0, 0xDEAD'BEEF, 0, 0},
                                                   {0x00, constant, 0, 0, 0, 0x0008'1B36, 0, 0},
                                                   {0x00, hardware, 0, 0, 0xFFFF'FFFF, 0, 0, 0},
                                                   {0x04, hardware, 0, 0, 0xFFFF'FFFE, 0x400, 0x146, 0xF900'0000},
                                                   {0x10, bar_low, 0, 0, 0, 0, 0, 0},
                                                   {0x14, bar_high, 0, 0, 0, 0, 0, 0},
                                                   {0x40, msix_control, 0, 0, 0xC000'0000, 0x0004'0011, 0xC000'0000, 0},
                                                   {0x18, bar_low, 0, 0, 0, 0, 0, 0},
                                                   {0x50, msi_control, 0, 0, 0, 0x0084'0005, 0, 0},
                                                   {0x54, msi_address, 0, 0, 0, 0, 0, 0},
                                                   {0x58, msi_address_high, 0, 0, 0, 0, 0, 0},
                                                   {0x5C, msi_data, 0, 0, 0, 0, 0, 0}};
constexpr manifest::Bar kBars[] = {{0, 0, 0, 0, Gpa{0xE100'0000}, {Hpa{0xFE00'0000}, 0x1000}},
                                   {1, 0, manifest::kBar64, 0, Gpa{0xE000'0000}, {Hpa{0xFE80'0000}, 0x4000}},
                                   {2, 2, 0, 0, Gpa{0xE010'0000}, {Hpa{0xFEA0'0000}, 0x10'0000}}};
constexpr u64 kTable = 0xE000'2008; // guest-physical; the page begins before it and goes on behind it
constexpr u32 kEntries = 70;
struct Devices {
    manifest::Device all[3]{};
    DeviceState states[2];
    Devices() {
        all[0].bdf = manifest::kNobody;
        all[0].msix_bar = all[2].msix_bar = ~0u;
        all[0].registers = {1, 1};
        all[1].bdf = 0x0100;
        all[1].virtual_bdf = 0x08;
        all[1].msix_at = 0x40;
        all[1].handles = 5;
        all[1].msix_bar = 1;
        all[1].msix_offset = 0x2008;
        all[1].msix_entries = kEntries;
        all[1].registers = {2, 5};
        all[1].bars = {1, 1};
        all[2].bdf = 0x0210;
        all[2].virtual_bdf = 0x10;
        all[2].msi_at = 0x50;
        all[2].handles = 4;
        all[2].registers = {7, 5};
        all[2].bars = {2, 1};
        reset_device_state(&kBars[1], 1, states[0]);
        reset_device_state(&kBars[2], 1, states[1]);
    }
};

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
    constexpr u64 kPlaces[] = {0x830,  0x3F8, 0x5E04, 0xC000'0080, 0x1B,       0x80F,        0x832,
                               0x5E00, 0xB1,  0xFFFF, 0xC001'0117, 0x83F,      0xCF8,        0xCFC,
                               0xCFD,  0xCFE, 0xCFF,  kTable,      kTable + 8, kTable + 0x50};
    switch (how % 6) {
    case 4:
        return (kTable & ~u64{0xFFF}) + (value & 0x1FFF); // in the pages round the MSI-X table
    case 5:
        return kTable + (value & 0x7F);
    case 0:
        return kPlaces[value % (sizeof kPlaces / sizeof kPlaces[0])];
    case 1:
        return value & 0xFFFF;
    case 2:
        return 0x800 + (value & 0x3F);
    default:
        return value;
    }
}

// A message address and a configuration address are as rare as a key among random numbers.
u32 shape_value(u64 value, u8 how) {
    const u32 low = static_cast<u32>(value);
    switch (how / 6 % 4) {
    case 0:
        return 0xFEE0'0000 | (low & 0x001F'F00C);
    case 1:
        return 0x8000'0000 | (low & 3) << 11 | (low & 0xFC00) >> 8;
    case 2:
        return low & 0xFF;
    default:
        return low;
    }
}

void check_route(const Route& route) {
    bool own = false;
    for (const manifest::Cpu& cpu : kCpus) {
        own = own || cpu.apic_id == route.apic_id;
    }
    if (route.present && (!own || route.vector < 32)) {
        broken("a device's interrupt goes out of the partition");
    }
}

void check_device(const Manifest& machine, const DeviceEffect& effect) {
    const manifest::Device* device = machine.devices.at(effect.device);
    if (device == nullptr || device->bdf == manifest::kNobody) {
        broken("an effect on a function that is not there");
    }
    const u32 dword = effect.offset & 0xFCu;
    const manifest::PciRegister* rule = nullptr;
    for (u32 i = 0; i < device->registers.count; i++) {
        const manifest::PciRegister& one = kPciRegisters[device->registers.first + i];
        if (one.offset == dword && (one.answer == hardware || one.answer == msix_control)) {
            rule = &one;
        }
    }
    const u32 shift = effect.offset % 4 * 8;
    const u64 table = kBars[1].memory.base.value + device->msix_offset;
    switch (effect.action) {
    case DeviceAction::config_read:
        if (rule == nullptr || effect.offset % 4 + effect.width > 4 ||
            ((effect.mask << shift) & ~rule->read_mask) != 0) {
            broken("a hidden register is read");
        }
        break;
    case DeviceAction::config_write:
        if (rule == nullptr || effect.offset % 4 + effect.width > 4 ||
            ((effect.mask << shift) & ~(rule->write_mask | rule->one_clears)) != 0) {
            broken("a register is written that must not be");
        }
        break;
    case DeviceAction::read:
    case DeviceAction::write: {
        const u64 at = effect.address.value;
        const u64 page = table & ~u64{0xFFF};
        const u64 end = table + kEntries * 16;
        if (effect.device != 1 || at < page || at + effect.width > ((end + 0xFFF) & ~u64{0xFFF}) ||
            (at + effect.width > table && at < end)) {
            broken("memory outside the trapped pages, or the table itself, is touched");
        }
        break;
    }
    case DeviceAction::msi:
        if (effect.device != 2 || (effect.control & ~0x71) != 0 ||
            (effect.enabled &&
             (effect.entries == 0 || effect.entries > 4 || effect.route.vector + effect.entries > 256))) {
            broken("MSI out of its bounds");
        }
        check_route(effect.route);
        break;
    case DeviceAction::msix_mask:
    case DeviceAction::msix_unmask:
        if (effect.device != 1 || effect.entry >= device->handles ||
            effect.address.value != table + effect.entry * 16) {
            broken("an MSI-X entry that is not shown");
        }
        check_route(effect.route);
        break;
    case DeviceAction::none:
        broken("an effect that is none");
    }
}

void check(const Manifest& machine, const CpuState& cpu, const Effects& effects) {
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
    if ((set & kFault) != 0 && (set & (kAdvance | kInject | kInterrupt | kPost | kBell | kApicWrite | kDevice)) != 0) {
        broken("a forbidden act has an effect");
    }
    if ((set & kDevice) != 0) {
        check_device(machine, cpu.device);
    }
    if ((set & kFault) != 0 && (effects.fault == Fault::none || effects.fault >= Fault::count)) {
        broken("a fault without a name");
    }
}

// Bytes of any kind, or every other time one of the moves with ECX or an immediate; and what the fault would have said
// of it, or something else.
void read_code(const u8 (&code)[16], Exit& exit, Decoded& last) {
    constexpr u8 kMoves[][4] = {{0x89, 0x0F}, {0x8B, 0x0F}, {0x48, 0x89, 0x0F}, {0x48, 0x8B, 0x0F},
                                {0xC7, 0x07}, {0x8A, 0x0F}, {0x0F, 0xB6, 0x0F}, {0x66, 0x89, 0x0F}};
    const u8 how = code[15];
    Instruction instruction;
    instruction.mode = static_cast<CodeMode>((how & 0x30) == 0 ? 0 : (how & 0x30) == 0x10 ? 1 : 2);
    instruction.count = static_cast<u8>((how & 0x40) != 0 ? 15 : code[14] % 16);
    std::memcpy(instruction.bytes, code, sizeof instruction.bytes);
    if ((how & 0x80) != 0) {
        std::memcpy(instruction.bytes, kMoves[how % 8], sizeof kMoves[0]);
    }
    Mov fresh;
    const Mov& mov = last.mov;
    const bool is_move = decode(instruction, fresh);
    if (decode_again(instruction, last) != is_move || (is_move && fresh != mov)) {
        broken("an instruction that decodes otherwise than without a memory");
    }
    if (is_move) {
        if (mov.length == 0 || mov.length > instruction.count || mov.reg >= kRegisters ||
            (mov.width != 1 && mov.width != 2 && mov.width != 4 && mov.width != 8)) {
            broken("a decoded instruction that cannot be");
        }
        exit.mov = &mov;
    }
    exit.access = (code[13] & 3) == 0 ? code[12] & 7 : mov.store ? manifest::kWrite : manifest::kRead;
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
    Devices devices;
    machine.devices = {devices.all, 3};
    machine.bars = {kBars, sizeof kBars / sizeof kBars[0]};
    machine.pci_registers = {kPciRegisters, sizeof kPciRegisters / sizeof kPciRegisters[0]};
    machine.device_states = {devices.states, 2};
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

    Decoded decoded;
    septum::fuzz::Step step{};
    while (input.take(step)) {
        Effects effects;
        if ((step.flags & 0x80) != 0) {
            decide_mail(cpu, static_cast<u32>(step.value) & 0xFF3F, effects);
            check(machine, cpu, effects);
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
        exit.value = shape_value(step.value, step.how);
        if (exit.kind == ExitKind::msr_write) {
            exit.value = step.value;
        }
        if (exit.kind == ExitKind::memory) {
            cpu.registers[kRcx] = shape_value(step.value, step.how);
            read_code(step.code, exit, decoded);
        }
        exit.rip = step.address & 3;
        decide(machine, cpu, partition, exit, effects);
        check(machine, cpu, effects);
    }
    return 0;
}
