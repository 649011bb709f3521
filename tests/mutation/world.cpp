// SPDX-License-Identifier: Apache-2.0
#include "tests/mutation/world.hpp"

#include "build/build.hpp"

#include <septum/manifest/layout.hpp>

#include <cstdio>
#include <cstring>

namespace septum::mutation {

namespace {

template <typename T>
void put(Bytes& bytes, std::size_t offset, T value) {
    if (bytes.size() < offset + sizeof value) {
        bytes.resize(offset + sizeof value);
    }
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

struct Segment {
    std::uint32_t flags;
    std::uint64_t address;
    std::uint64_t file_size;
    std::uint64_t memory_size;
    std::uint8_t fill;
};

// ELF64, little-endian, x86-64, executable; segments one behind the other in the file.
Bytes make_elf(std::uint64_t entry, const std::vector<Segment>& segments) {
    constexpr std::size_t kHeader = 64;
    constexpr std::size_t kProgramHeader = 56;
    Bytes elf;
    put(elf, 0, std::uint32_t{0x464C'457F});
    put(elf, 4, std::uint8_t{2});
    put(elf, 5, std::uint8_t{1});
    put(elf, 6, std::uint8_t{1});
    put(elf, 16, std::uint16_t{2});
    put(elf, 18, std::uint16_t{62});
    put(elf, 20, std::uint32_t{1});
    put(elf, 24, entry);
    put(elf, 32, std::uint64_t{kHeader});
    put(elf, 52, std::uint16_t{kHeader});
    put(elf, 54, std::uint16_t{kProgramHeader});
    put(elf, 56, static_cast<std::uint16_t>(segments.size()));
    put(elf, 62, std::uint16_t{0});
    std::size_t data = kPageSize;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const Segment& segment = segments[i];
        const std::size_t header = kHeader + i * kProgramHeader;
        put(elf, header, std::uint32_t{1});
        put(elf, header + 4, segment.flags);
        put(elf, header + 8, std::uint64_t{data});
        put(elf, header + 16, segment.address);
        put(elf, header + 24, segment.address);
        put(elf, header + 32, segment.file_size);
        put(elf, header + 40, segment.memory_size);
        put(elf, header + 48, std::uint64_t{kPageSize});
        data += (segment.file_size + kPageSize - 1) / kPageSize * kPageSize;
    }
    elf.resize(kPageSize);
    for (const Segment& segment : segments) {
        elf.insert(elf.end(), segment.file_size, segment.fill);
        elf.resize((elf.size() + kPageSize - 1) / kPageSize * kPageSize);
    }
    return elf;
}

Bytes make_kernel() {
    return make_elf(0x20'0000, {{5 | layout::kSegmentBootOnly, 0x20'0000, 0x800, 0x800, 0xB0},
                                {5, 0x20'1000, 0x1800, 0x1800, 0x7E},
                                {4, 0x20'3000, 0x100, 0x100, 0xC0},
                                {6, 0x20'4000, 0x10, 0x2400, 0xDA}});
}

Bytes make_guest() {
    return make_elf(0x10'0000, {{5, 0x10'0000, 0x20, 0x20, 0x90}, {6, 0x10'1000, 8, 0x3000, 0x11}});
}

// The same with a Multiboot header (flags 0) at the start of its code, which is never run here.
Bytes make_pc() {
    Bytes elf = make_guest();
    put(elf, kPageSize, std::uint32_t{0x1BAD'B002});
    put(elf, kPageSize + 4, std::uint32_t{0});
    put(elf, kPageSize + 8, 0U - 0x1BAD'B002U);
    return elf;
}

constexpr const char* kAppliance = R"(septum: 1
name: mutated
board:
  septum-board: 1
  name: bench
  vendor: amd
  apic: @APIC@
  physical-address-bits: 40
  huge-pages-1g: true
  microcode-floor: 0x5
  trampoline: 0x8000
  cpus:
    - {apic: 0, core: 0}
    - {apic: 1, core: 0}
    - {apic: 2, core: 1}
    - {apic: 3, core: 1}
    - {apic: 4, core: 2}
    - {apic: 5, core: 2}
  memory:
    - {base: 0x20_0000, size: 6 MiB}
    - {base: 0x100_0000, size: 128 MiB}
  iommu: {kind: vt-d, registers: 0xfed9_0000}
  pci:
    host-bridge: {at: 00:00.0, id: 8086:29c0}
    sata: {at: 00:1f.2, id: 8086:2922}
partitions:
  alpha:
    cpus: [0, 1]
    memory: 4 MiB
    largest-page: 4 KiB
    boot: {elf: guest.elf}
    console: true
    on_fault: {action: restart, attempts: 5}
    ports: [0x2f8-0x2ff]
  beta:
    cpus: [2, 3]
    memory: 4 MiB
    base: 0x300_0000
    boot: {elf: guest.elf}
    on_fault: stop
  gamma:
    cpus: [4]
    memory: 2 MiB
    boot: {multiboot: {kernel: pc.elf}}
    console: true
channels:
  answer: {from: beta, to: alpha, size: 64 KiB, doorbell: true}
  log: {from: alpha, to: gamma, size: 8 KiB}
  request: {from: alpha, to: beta, size: 64 KiB, doorbell: true}
policy:
  - never: {from: gamma, to: alpha}
  - only: {from: beta, to: gamma, via: [alpha]}
)";

void replace(std::string& text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
}

// A disk behind a port with MSI-X in the midst of its BAR, a network card with two BARs behind another, and a card with
// plain MSI that is reset by its power states.
constexpr const char* kDevices = R"(  ecam: 0xb000_0000
  watchdog: {hpet: 0xfed0_0000, comparator: 0@REQUESTER@}
  pci:
    host-bridge: {at: 00:00.0, id: 8086:29c0}
@UNIT@    port1:
      at: 00:02.0
      id: 1b36:000c
      bridge: {secondary: 1, subordinate: 1, acs: 0x148, window: {base: 0xf000_0000, size: 2 MiB}}
    port2:
      at: 00:03.0
      id: 1b36:000c
      bridge:
        secondary: 2
        subordinate: 2
        acs: 0x148
        window: {base: 0xf020_0000, size: 2 MiB}
        prefetchable: {base: 0xf040_0000, size: 2 MiB}
    card:
      at: 00:05.0
      id: 1234:11e8
      class: 0x00_ff_00
      bars:
        0: {base: 0xf060_0000, size: 1 MiB, type: mem32}
      msi: {at: 0x40, vectors: 2, wide: true}
      power: 0x50
      reset: power
    sata: {at: 00:1f.2, id: 8086:2922}
    disk:
      at: 01:00.0
      id: 1b36:0010
      class: 0x01_08_02
      bars:
        0: {base: 0xf000_0000, size: 16 KiB, type: mem64}
      msix: {at: 0x40, entries: 65, table: {bar: 0, offset: 0x2000}, pba: {bar: 0, offset: 0x3000}}
      pcie: 0x80
      power: 0x60
      reset: flr
    nic:
      at: 02:00.0
      id: 1af4:1041
      class: 0x02_00_00
      bars:
        1: {base: 0xf020_0000, size: 4 KiB, type: mem32}
        4: {base: 0xf040_0000, size: 16 KiB, type: mem64, prefetchable: true}
      msix: {at: 0xdc, entries: 4, table: {bar: 1, offset: 0x0}, pba: {bar: 1, offset: 0x800}}
      pcie: 0x40
      power: 0x7c
      capabilities:
        - {at: 0x84, id: 0x09, size: 16}
        - {at: 0xb4, id: 0x09, size: 20}
      reset: flr
)";

constexpr const char* kVtd = "iommu: {kind: vt-d, registers: 0xfed9_0000, address-bits: 39, largest-page: 1 GiB, "
                             "extended-interrupts: true}";
constexpr const char* kAmdVi = "iommu: {kind: amd-vi, registers: 0xfed8_0000, function: unit, largest-page: 1 GiB, "
                               "extended-interrupts: true}";

} // namespace

const char* name(Machine machine) {
    switch (machine) {
    case Machine::x2apic:
        return "x2apic";
    case Machine::xapic:
        return "xapic";
    case Machine::vt_d:
        return "vt_d";
    case Machine::amd_vi:
        break;
    }
    return "amd_vi";
}

std::string appliance(Machine machine) {
    std::string text = kAppliance;
    replace(text, "@APIC@", machine == Machine::xapic ? "xapic" : "x2apic");
    if (has_devices(machine)) {
        std::string devices = kDevices;
        const bool amd = machine == Machine::amd_vi;
        replace(devices, "@REQUESTER@", amd ? "" : ", requester: 0x00f8"); // past an AMD-Vi unit
        replace(devices, "@UNIT@", amd ? "    unit: {at: 00:01.0, id: 1022:1419}\n" : "");
        replace(text, "iommu: {kind: vt-d, registers: 0xfed9_0000}", amd ? kAmdVi : kVtd);
        replace(text, "  pci:\n    host-bridge: {at: 00:00.0, id: 8086:29c0}\n    sata: {at: 00:1f.2, id: 8086:2922}\n",
                devices);
        replace(text, "    ports: [0x2f8-0x2ff]\n", "    ports: [0x2f8-0x2ff]\n    devices: [disk]\n");
        replace(text, "    on_fault: stop\n", "    on_fault: stop\n    devices: [card]\n");
        replace(text, "    cpus: [4]\n", "    cpus: [4]\n    heartbeat: 500 ms\n    devices: [nic]\n");
    }
    return text;
}

std::optional<config::Model> load(const std::string& text) {
    config::Loaded loaded = config::load_text(text, "mutated.yaml", ".", {});
    if (!loaded.model) {
        return std::nullopt;
    }
    return std::move(loaded.model);
}

std::optional<World> make_world(Machine machine) {
    config::Loaded loaded = config::load_text(appliance(machine), "mutated.yaml", ".", {});
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        std::fputs(config::render(diagnostic, loaded.sources, false).c_str(), stderr);
    }
    if (!loaded.model) {
        return std::nullopt;
    }
    World world{std::move(*loaded.model), make_kernel(), {}};
    auto bundle = build::make_bundle(world.model, world.kernel, {{"guest.elf", make_guest()}, {"pc.elf", make_pc()}});
    for (const config::Diagnostic& diagnostic : bundle.diagnostics) {
        std::fputs(config::render(diagnostic, loaded.sources, false).c_str(), stderr);
    }
    if (!bundle.ok()) {
        return std::nullopt;
    }
    world.bundle = std::move(bundle.value->bytes);
    return world;
}

} // namespace septum::mutation
