// SPDX-License-Identifier: Apache-2.0
// The pages that an MSI-X table lies in. Its entries are virtual; the hardware's hold messages that only the kernel makes. What
// else lies in those pages is the device's own, and is passed on.
#include "kernel/core/decide.hpp"
#include "kernel/core/device.hpp"

namespace septum::kernel::core {

namespace {

// Message address: 0xFEE, destination, redirection hint (bit 3: of no weight with one destination), logical (bit 2).
constexpr u32 kAddressFixedBits = 0xFFF0'0FF4;
constexpr u32 kAddressBase = 0xFEE0'0000;
constexpr u32 kDataLevel = 1u << 15;
constexpr u32 kDataModes = 7u << 8; // 0 fixed, 1 lowest priority
constexpr u32 kFirstDeviceVector = 32;
constexpr u32 kEntrySize = sizeof(MsixEntry);

struct Table {
    const manifest::Bar* bar = nullptr;
    u64 begin = 0; // guest-physical
    u64 end = 0;
};

Table table_of(const Manifest& manifest, const manifest::Device& device) {
    const manifest::Bar* bar = device.msix_entries == 0 ? nullptr : manifest.bars.at(device.msix_bar);
    if (bar == nullptr) {
        return {};
    }
    const u64 begin = bar->gpa.value + device.msix_offset;
    return {bar, begin, begin + u64{device.msix_entries} * kEntrySize};
}

// The table shares a page with `address`.
bool traps(const Table& table, u64 address) {
    const u64 page = address / kPageSize;
    return table.bar != nullptr && page >= table.begin / kPageSize && page <= (table.end - 1) / kPageSize;
}

// The device whose table shares a page with guest-physical `address`, so that the page is not mapped; null when there is none.
const manifest::Device* find_trapped(const Manifest& manifest, u64 address, u32& number, Table& table) {
    for (number = 1; number < manifest::kMaxDevices; number++) { // behind the host bridge
        const manifest::Device* device = manifest.devices.at(number);
        if (device == nullptr) {
            break;
        }
        table = table_of(manifest, *device);
        if (traps(table, address)) {
            return device;
        }
    }
    return nullptr;
}

u32 read_word(const DeviceState& state, u32 entries, u64 offset) {
    const u64 entry = offset / kEntrySize;
    const u32 word = offset / 4 % 4;
    if (entry >= entries || entry >= manifest::kMaxMsixEntries) {
        return word == kMsixControl ? kMsixMasked : 0;
    }
    return load(state.msix[entry].words[word]);
}

// True when the value is another one than before.
bool write_word(MsixEntry& entry, u32 word, u32 value) {
    const u32 kept = word == kMsixControl ? value & kMsixMasked : word == kMsixAddress ? value & ~3u : value;
    const u32 before = load(entry.words[word]);
    store(entry.words[word], kept);
    return before != kept;
}

[[gnu::always_inline]] inline void write_table(const Manifest& manifest, const manifest::Device& device, const Table& table,
                                              DeviceState& state, u64 offset, u32 words, u64 value, DeviceEffect& effect) {
    const u64 index = offset / kEntrySize;
    if (index >= device.handles || index >= manifest::kMaxMsixEntries) {
        return;
    }
    MsixEntry& entry = state.msix[index];
    const u32 first = offset / 4 % 4;
    const u32 masked_before = load(entry.words[kMsixControl]);
    bool changed = write_word(entry, first, static_cast<u32>(value));
    if (words == 2) {
        changed = write_word(entry, (first + 1) % 4, static_cast<u32>(value >> 32)) || changed;
    }
    const u32 masked = load(entry.words[kMsixControl]);
    if (!changed || (masked & masked_before) != 0) {
        return; // what is masked takes effect when it is unmasked
    }
    effect.entry = static_cast<u32>(index);
    effect.address = table.bar->memory.base + (table.begin - table.bar->gpa.value + index * kEntrySize);
    if (masked != 0) {
        effect.action = DeviceAction::msix_mask;
        return;
    }
    effect.action = DeviceAction::msix_unmask;
    [[clang::always_inline]] effect.route = route_of(manifest, load(entry.words[kMsixAddress]),
                                                     load(entry.words[kMsixAddressHigh]), load(entry.words[kMsixData]));
}

// What a store writes, in its low bytes.
[[gnu::always_inline]] inline u64 source_of(const CpuState& cpu, const Mov& mov) {
    return mov.has_immediate ? mov.immediate : cpu.registers[mov.reg % kRegisters];
}

void pass_on(CpuState& cpu, const Table& table, const Exit& exit) {
    DeviceEffect& effect = cpu.device;
    effect.address = table.bar->memory.base + (exit.address - table.bar->gpa.value);
    effect.width = exit.mov->width;
    if (exit.mov->store) {
        effect.action = DeviceAction::write;
        effect.value = low_bytes(source_of(cpu, *exit.mov) >> (exit.mov->high ? 8 : 0), exit.mov->width);
    } else {
        effect.action = DeviceAction::read;
        effect.load = *exit.mov;
    }
}

} // namespace

Route route_of(const Manifest& manifest, u32 address, u32 address_high, u32 data) {
    const u8 vector = static_cast<u8>(data);
    if ((address & kAddressFixedBits) != kAddressBase || address_high != 0 || (data & kDataLevel) != 0 ||
        (data & kDataModes) > 1u << 8 || vector < kFirstDeviceVector) {
        return {};
    }
    const u32 destination = address >> 12 & 0xFF;
    for (u32 i = 0; i < manifest::kMaxCpusPerPartition; i++) {
        const manifest::Cpu* cpu = manifest.cpus.at(i);
        if (cpu == nullptr) {
            break;
        }
        if (cpu->apic_id == destination) {
            return {.apic_id = destination, .vector = vector, .present = true};
        }
    }
    return {};
}

void answer_memory(const Manifest& manifest, CpuState& cpu, const Exit& exit, Effects& effects) {
    Table table;
    u32 number = 0;
    const manifest::Device* device = find_trapped(manifest, exit.address, number, table);
    DeviceState* state = manifest.device_states.of(number);
    if (device == nullptr || state == nullptr || exit.access == manifest::kExecute) {
        forbid(effects, Fault::memory);
        return;
    }
    // The guest may have changed the instruction since the processor met it: then it must still be what the fault was about,
    // and inside the one register.
    const Mov* mov = exit.mov;
    if (mov == nullptr || exit.access != (mov->store ? manifest::kWrite : manifest::kRead) ||
        (exit.address & (mov->width - 1u)) != 0) {
        forbid(effects, Fault::mmio_instruction);
        return;
    }
    cpu.device.action = DeviceAction::none;
    cpu.device.device = number;
    if (exit.address < table.begin || exit.address >= table.end) {
        effects.set |= kAdvance | kDevice;
        pass_on(cpu, table, exit);
        return;
    }
    const u64 offset = exit.address - table.begin;
    // Doublewords and quadwords (PCI 3.0 §6.8.2); single bytes only to look at.
    if (mov->width != 4 && mov->width != 8 && (mov->store || mov->width != 1)) {
        forbid(effects, Fault::mmio_instruction);
        return;
    }
    effects.set |= kAdvance;
    if (mov->store) {
        write_table(manifest, *device, table, *state, offset, mov->width / 4u, source_of(cpu, *mov), cpu.device);
        effects.set |= cpu.device.action == DeviceAction::none ? 0 : u32{kDevice};
        return;
    }
    u64 value = read_word(*state, device->handles, offset) >> offset % 4 * 8;
    if (mov->width == 8) {
        value |= u64{read_word(*state, device->handles, offset + 4)} << 32;
    }
    finish_load(cpu, *mov, value);
}

} // namespace septum::kernel::core
