// SPDX-License-Identifier: Apache-2.0
// Configuration space by ports 0xCF8 and 0xCFC (PCI 3.0 §3.2.2.3.2): one bus, on it the partition's own functions, of each
// the registers that the manifest shows. Everything else is as if nothing were there.
#include "kernel/core/decide.hpp"
#include "kernel/core/device.hpp"

#include <septum/guest/board.hpp>

namespace septum::kernel::core {

namespace {

using manifest::PciAnswer;

constexpr u32 kAddressEnable = 1u << 31;
constexpr u32 kAddressReserved = 0x7F00'0000;
constexpr u32 kMsiControlMask = 0x71;         // enable, multiple message enable
constexpr u32 kMsiMultipleCapable = 0x0E;     // log2 of what the function can
constexpr u32 kFlags64 = 0x4;                 // of a memory BAR (§6.2.5.1)
constexpr u32 kFlagsPrefetchable = 0x8;

// An access of `width` bytes at `offset`, inside one doubleword.
struct Access {
    u8 offset = 0;
    u8 width = 0;
    u32 value = 0; // written

    [[nodiscard]] u32 shift() const { return offset % 4 * 8; }
    // Bits of the doubleword that it covers.
    [[nodiscard]] u32 lane() const { return static_cast<u32>(low_bytes(~0ULL, width)) << shift(); }
    // The doubleword after the write.
    [[nodiscard]] u32 over(u32 before) const { return (before & ~lane()) | (value << shift() & lane()); }
};

const manifest::PciRegister* find_register(const Manifest& manifest, const manifest::Device& device, u32 offset) {
    for (u32 i = 0; i < manifest::kMaxPciRegisters; i++) {
        if (i >= device.registers.count) {
            break;
        }
        const manifest::PciRegister* found = manifest.pci_registers.at(device.registers.first + i);
        if (found == nullptr || found->offset > offset) {
            break; // sorted
        }
        if (found->offset == offset) {
            return found;
        }
    }
    return nullptr;
}

// What a BAR register reads: address bits below the size are wired to zero (§6.2.5.1).
u32 bar_value(const manifest::Bar& bar, u32 written_low, u32 written_high, bool high) {
    const u64 written = u64{written_high} << 32 | written_low;
    const u64 address = written & ~(bar.memory.size - 1);
    const u32 flags = ((bar.flags & manifest::kBar64) != 0 ? kFlags64 : 0) |
                      ((bar.flags & manifest::kBarPrefetchable) != 0 ? kFlagsPrefetchable : 0);
    return high ? static_cast<u32>(address >> 32) : static_cast<u32>(address) | flags;
}

u32 read_bar(const Manifest& manifest, const manifest::Device& device, const DeviceState& state,
             const manifest::PciRegister& rule) {
    const manifest::Bar* bar = manifest.bars.at(device.bars.first + rule.bar);
    if (bar == nullptr || rule.bar >= device.bars.count || bar->number >= manifest::kMaxBars) {
        return 0;
    }
    const bool has_high = bar->number + 1u < manifest::kMaxBars && (bar->flags & manifest::kBar64) != 0;
    return bar_value(*bar, load(state.bars[bar->number]), has_high ? load(state.bars[bar->number + 1u]) : 0,
                     rule.answer == PciAnswer::bar_high);
}

void write_bar(const Manifest& manifest, const manifest::Device& device, DeviceState& state,
               const manifest::PciRegister& rule, const Access& access) {
    const manifest::Bar* bar = manifest.bars.at(device.bars.first + rule.bar);
    const u32 high = rule.answer == PciAnswer::bar_high ? 1 : 0;
    if (bar == nullptr || rule.bar >= device.bars.count || bar->number + high >= manifest::kMaxBars) {
        return;
    }
    u32& word = state.bars[bar->number + high];
    store(word, access.over(load(word)));
}

// The MSI registers that the guest has written, put into effect as a whole.
void apply_msi(const Manifest& manifest, u32 number, const manifest::Device& device, const DeviceState& state,
               DeviceEffect& effect) {
    const u32 control = load(state.msi_control);
    effect.action = DeviceAction::msi;
    effect.device = number;
    effect.control = static_cast<u16>(control);
    effect.route = {};
    effect.entries = 0;
    effect.enabled = (control & 1) != 0;
    if (!effect.enabled) {
        return;
    }
    const u32 wanted = 1u << (control >> 4 & 7);
    effect.entries = static_cast<u8>(wanted <= 32 && wanted <= device.handles ? wanted : 1);
    const u32 data = load(state.msi_data) & ~(effect.entries - 1u); // the function itself fills these bits (§6.8.1.6)
    effect.route = route_of(manifest, load(state.msi_address), load(state.msi_address_high), data);
}

void write_msi(const Manifest& manifest, u32 number, const manifest::Device& device, DeviceState& state,
               const manifest::PciRegister& rule, const Access& access, DeviceEffect& effect) {
    const u32 before = load(state.msi_control);
    u32 control = before;
    switch (rule.answer) {
    case PciAnswer::msi_control: {
        control = access.over(before << 16) >> 16 & kMsiControlMask;
        const u32 capable = (rule.set >> 16 & kMsiMultipleCapable) >> 1;
        if ((control >> 4) > capable) {
            control = (control & 1) | capable << 4;
        }
        store(state.msi_control, control);
        break;
    }
    case PciAnswer::msi_address: store(state.msi_address, access.over(load(state.msi_address)) & ~3u); break;
    case PciAnswer::msi_address_high: store(state.msi_address_high, access.over(load(state.msi_address_high))); break;
    default: store(state.msi_data, access.over(load(state.msi_data)) & 0xFFFF); break;
    }
    if (((before | control) & 1) != 0) { // on, or turned off
        apply_msi(manifest, number, device, state, effect);
    }
}

void reach_hardware(const manifest::Device& device, u32 number, const Access& access, DeviceAction action, u32 mask, u32 value,
                    DeviceEffect& effect) {
    if (device.bdf == manifest::kNobody) {
        return;
    }
    effect.action = action;
    effect.device = number;
    effect.offset = access.offset;
    effect.width = access.width;
    effect.mask = (mask & access.lane()) >> access.shift();
    effect.value = (value & access.lane()) >> access.shift();
}

// What the register reads, as a doubleword; what the hardware adds to it is left to an effect.
u32 read_register(const Manifest& manifest, u32 number, const manifest::Device& device, const manifest::PciRegister& rule,
                  const Access& access, DeviceEffect& effect) {
    const DeviceState* state = manifest.device_states.of(number);
    switch (rule.answer) {
    case PciAnswer::hardware:
    case PciAnswer::msix_control:
        reach_hardware(device, number, access, DeviceAction::config_read, rule.read_mask, rule.set, effect);
        return rule.set;
    case PciAnswer::bar_low:
    case PciAnswer::bar_high: return state == nullptr ? 0 : read_bar(manifest, device, *state, rule);
    case PciAnswer::msi_control: return rule.set | (state == nullptr ? 0 : load(state->msi_control) << 16);
    case PciAnswer::msi_address: return state == nullptr ? 0 : load(state->msi_address);
    case PciAnswer::msi_address_high: return state == nullptr ? 0 : load(state->msi_address_high);
    case PciAnswer::msi_data: return state == nullptr ? 0 : load(state->msi_data);
    default: return rule.set;
    }
}

void write_register(const Manifest& manifest, u32 number, const manifest::Device& device, const manifest::PciRegister& rule,
                    const Access& access, DeviceEffect& effect) {
    DeviceState* state = manifest.device_states.of(number);
    switch (rule.answer) {
    case PciAnswer::hardware:
    case PciAnswer::msix_control: {
        // Status bits that the guest does not write as ones are written as zeros, and so left alone.
        const u32 mask = rule.write_mask | rule.one_clears;
        if ((mask & access.lane()) != 0) {
            reach_hardware(device, number, access, DeviceAction::config_write, mask, access.value << access.shift(), effect);
        }
        break;
    }
    case PciAnswer::bar_low:
    case PciAnswer::bar_high:
        if (state != nullptr) {
            write_bar(manifest, device, *state, rule, access);
        }
        break;
    case PciAnswer::msi_control:
    case PciAnswer::msi_address:
    case PciAnswer::msi_address_high:
    case PciAnswer::msi_data:
        if (state != nullptr && device.msi_at != 0) {
            write_msi(manifest, number, device, *state, rule, access, effect);
        }
        break;
    default: break; // constant
    }
}

u32 find_device(const Manifest& manifest, u32 virtual_bdf) {
    for (u32 i = 0; i < manifest::kMaxDevices; i++) {
        const manifest::Device* device = manifest.devices.at(i);
        if (device == nullptr || device->virtual_bdf > virtual_bdf) {
            break; // sorted
        }
        if (device->virtual_bdf == virtual_bdf) {
            return i;
        }
    }
    return kNoDevice;
}

// The data port: what CONFIG_ADDRESS names. All ones when that is nothing.
u32 access_data(const Manifest& manifest, u32 address, Access access, bool reads, DeviceEffect& effect) {
    constexpr u32 kAbsent = 0xFFFF'FFFF;
    if ((address & (kAddressEnable | kAddressReserved)) != kAddressEnable || access.offset + access.width > 4u) {
        return kAbsent;
    }
    const u32 number = find_device(manifest, address >> 8 & 0xFFFF);
    const manifest::Device* device = manifest.devices.at(number);
    if (device == nullptr) {
        return kAbsent;
    }
    const u32 dword = address & 0xFC;
    const manifest::PciRegister* rule = find_register(manifest, *device, dword);
    if (rule == nullptr) {
        return 0;
    }
    access.offset = static_cast<u8>(dword + access.offset);
    if (!reads) {
        write_register(manifest, number, *device, *rule, access, effect);
        return 0;
    }
    return read_register(manifest, number, *device, *rule, access, effect) >> access.shift();
}

} // namespace

[[gnu::noinline]] u32 answer_pci(const Manifest& manifest, CpuState& cpu, PartitionState& partition,
                                 manifest::PortAnswer answer, PortAccess access) {
    cpu.device.action = DeviceAction::none;
    u32 value = 0xFFFF'FFFF;
    if (answer == manifest::PortAnswer::pci_address) { // only whole; anything narrower is absent
        if (access.width == 4 && access.port == guest::kPciAddressPort) {
            if (access.reads) {
                value = load(partition.pci_address);
            } else {
                store(partition.pci_address, access.value);
            }
        }
    } else {
        const Access inside{.offset = static_cast<u8>(access.port - guest::kPciDataPort),
                            .width = access.width,
                            .value = access.value};
        value = access_data(manifest, load(partition.pci_address), inside, access.reads, cpu.device);
    }
    if (access.reads) {
        u64& rax = cpu.registers[kRax];
        rax = merge_register(rax, value, access.width);
    }
    return cpu.device.action == DeviceAction::none ? 0 : u32{kDevice};
}

void reset_device_state(const manifest::Bar* bars, u32 count, DeviceState& state) {
    // Field by field: a whole new one would be a page on the stack.
    state.msi_control = 0;
    state.msi_address = 0;
    state.msi_address_high = 0;
    state.msi_data = 0;
    for (MsixEntry& entry : state.msix) {
        entry = {};
    }
    for (u32& bar : state.bars) {
        bar = 0;
    }
    for (u32 i = 0; i < manifest::kMaxBars; i++) {
        if (i >= count || bars[i].number >= manifest::kMaxBars) {
            break;
        }
        state.bars[bars[i].number] = static_cast<u32>(bars[i].gpa.value);
        if ((bars[i].flags & manifest::kBar64) != 0 && bars[i].number + 1u < manifest::kMaxBars) {
            state.bars[bars[i].number + 1u] = static_cast<u32>(bars[i].gpa.value >> 32);
        }
    }
}

} // namespace septum::kernel::core
