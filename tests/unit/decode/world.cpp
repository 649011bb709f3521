// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

#include "verifier/facts/facts.hpp"

#include <septum/manifest/layout.hpp>

#include <cstring>

namespace septum::verifier::decode::test {

namespace {

namespace m = septum::manifest;

constexpr std::uint64_t kSector = 2048;

template <typename Record>
void append(Bytes& bundle, std::uint32_t& at, m::Table& table, const std::vector<Record>& records) {
    table = {at, static_cast<std::uint32_t>(records.size())};
    std::memcpy(bundle.data() + at, records.data(), records.size() * sizeof(Record));
    at += static_cast<std::uint32_t>((records.size() * sizeof(Record) + 7) / 8 * 8);
}

void name(char (&field)[m::kNameSize], const char* text) {
    std::strncpy(field, text, m::kNameSize - 1);
}

void big(Bytes& bytes, std::uint64_t at, std::uint64_t value) {
    for (unsigned i = 0; i < 4; ++i) {
        bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
    }
}

// ECMA-119 §9.1, with a Rock Ridge name (RRIP §4.1.4) and, in the root's own record, SP and ER (SUSP §5.3, §5.5).
std::uint64_t record(Bytes& image, std::uint64_t at, std::uint64_t sector, std::uint64_t size, bool directory,
                     const std::string& identifier, const std::string& rock_ridge, bool sp = false) {
    const std::uint64_t use = 33 + identifier.size() + (identifier.size() % 2 == 0 ? 1 : 0);
    std::uint64_t length = use + (rock_ridge.empty() ? 0 : 5 + rock_ridge.size()) + (sp ? 25 : 0);
    length += length % 2;
    put(image, at + 2, sector, 4);
    big(image, at + 6, sector);
    put(image, at + 10, size, 4);
    big(image, at + 14, size);
    image[at] = static_cast<std::uint8_t>(length);
    image[at + 25] = directory ? 2 : 0;
    put(image, at + 28, 1, 2);
    image[at + 32] = static_cast<std::uint8_t>(identifier.size());
    std::memcpy(image.data() + at + 33, identifier.data(), identifier.size());
    std::uint64_t entry = at + use;
    if (sp) {
        const std::uint8_t bytes[] = {'S', 'P', 7,   1,   0xBE, 0xEF, 0,   'E', 'R', 18,  1,   10, 0,
                                      0,   1,   'R', 'R', 'I',  'P',  '_', '1', '9', '9', '1', 'A'};
        std::memcpy(image.data() + entry, bytes, sizeof bytes);
        entry += sizeof bytes;
    }
    if (!rock_ridge.empty()) {
        image[entry] = 'N';
        image[entry + 1] = 'M';
        image[entry + 2] = static_cast<std::uint8_t>(5 + rock_ridge.size());
        image[entry + 3] = 1;
        std::memcpy(image.data() + entry + 5, rock_ridge.data(), rock_ridge.size());
    }
    return at + length;
}

std::uint64_t sectors(std::uint64_t size) {
    return (size + kSector - 1) / kSector;
}

} // namespace

Bytes make_kernel() {
    Bytes file(0x3000, 0);
    const std::uint8_t magic[] = {0x7F, 'E', 'L', 'F', 2, 1, 1};
    std::memcpy(file.data(), magic, sizeof magic);
    put(file, 16, 2, 2);
    put(file, 18, 62, 2);
    put(file, 20, 1, 4);
    put(file, 24, 0x20'0000, 8);
    put(file, 32, 64, 8);
    put(file, 52, 64, 2);
    put(file, 54, 56, 2);
    put(file, 56, 3, 2);
    const struct {
        std::uint64_t flags, offset, address, in_file, in_memory;
    } segments[] = {{5, 0x1000, 0x20'0000, 0x800, 0x800},
                    {6, 0x1800, 0x20'1000, 0x10, 0x2000},
                    {5 | layout::kSegmentBootOnly, 0x2000, 0x20'3000, 0x400, 0x400}};
    for (std::uint64_t i = 0; i < 3; ++i) {
        const std::uint64_t at = 64 + i * 56;
        put(file, at, 1, 4);
        put(file, at + 4, segments[i].flags, 4);
        put(file, at + 8, segments[i].offset, 8);
        put(file, at + 16, segments[i].address, 8);
        put(file, at + 24, segments[i].address, 8);
        put(file, at + 32, segments[i].in_file, 8);
        put(file, at + 40, segments[i].in_memory, 8);
    }
    for (std::uint64_t i = 0x1000; i < file.size(); ++i) {
        file[i] = static_cast<std::uint8_t>(i * 7);
    }
    return file;
}

Bytes make_iso(const Bytes& kernel, const Bytes& bundle) {
    const std::string config = "set timeout=0\nmultiboot2 /boot/septum.elf\nmodule2 /boot/appliance.sep\nboot\n";
    const std::uint64_t grub_at = 23;
    const std::uint64_t kernel_at = grub_at + 1;
    const std::uint64_t bundle_at = kernel_at + sectors(kernel.size());
    const std::uint64_t end = bundle_at + sectors(bundle.size());
    Bytes image(end * kSector, 0);
    const std::uint64_t descriptor = 16 * kSector;
    std::memcpy(image.data() + descriptor, "\1CD001\1", 7);
    std::memcpy(image.data() + descriptor + 40, "GATEWAY                         ", 32);
    put(image, descriptor + 80, end, 4);
    put(image, descriptor + 128, kSector, 2);
    record(image, descriptor + 156, 20, kSector, true, std::string(1, '\0'), "");
    std::memcpy(image.data() + 17 * kSector, "\377CD001\1", 7);

    const std::string self(1, '\0');
    const std::string parent(1, '\1');
    std::uint64_t at = record(image, 20 * kSector, 20, kSector, true, self, "", true);
    at = record(image, at, 20, kSector, true, parent, "");
    record(image, at, 21, kSector, true, "BOOT", "boot");
    at = record(image, 21 * kSector, 21, kSector, true, self, "");
    at = record(image, at, 20, kSector, true, parent, "");
    at = record(image, at, bundle_at, bundle.size(), false, "APPLIANC.SEP;1", "appliance.sep");
    at = record(image, at, 22, kSector, true, "GRUB", "grub");
    record(image, at, kernel_at, kernel.size(), false, "SEPTUM.ELF;1", "septum.elf");
    at = record(image, 22 * kSector, 22, kSector, true, self, "");
    at = record(image, at, 21, kSector, true, parent, "");
    record(image, at, grub_at, config.size(), false, "GRUB.CFG;1", "grub.cfg");

    std::memcpy(image.data() + grub_at * kSector, config.data(), config.size());
    const auto copy = [&](std::uint64_t sector, const Bytes& bytes) {
        if (!bytes.empty()) {
            std::memcpy(image.data() + sector * kSector, bytes.data(), bytes.size());
        }
    };
    copy(kernel_at, kernel);
    copy(bundle_at, bundle);
    return image;
}

m::Header World::header() const {
    m::Header h;
    std::memcpy(&h, bundle.data(), sizeof h);
    return h;
}

void World::set_header(const m::Header& h) {
    std::memcpy(bundle.data(), &h, sizeof h);
}

void World::seal() {
    m::Header h = header();
    h.tables_digest = sha256(ByteSpan(bundle).subspan(h.tables_offset, h.tables_size));
    Bytes loaded(kernel.begin() + 0x1000, kernel.begin() + 0x1800); // text, then the boot part's
    loaded.insert(loaded.end(), kernel.begin() + 0x2000, kernel.begin() + 0x2400);
    h.kernel_digest = sha256(loaded);
    h.kernel_file_digest = sha256(kernel);
    h.manifest_digest = {};
    set_header(h);
    h.manifest_digest = sha256(ByteSpan(bundle).first(h.manifest_size));
    set_header(h);
}

World make_world() {
    World w;
    w.kernel = make_kernel();
    w.bundle.assign(World::kPages * kPageSize, 0);
    constexpr std::uint64_t table = 0x23, leaf = 0x63, user = 4, large = 0x80, nx = 1ULL << 63;

    // The kernel's page tables: its text, data, and the workspace without its guards.
    w.entry(World::kKernelPml4, 0, World::place(World::kKernelPdpt) | table);
    w.entry(World::kKernelPdpt, 0, World::place(World::kKernelPd) | table);
    w.entry(World::kKernelPd, 1, World::place(World::kKernelPt) | table);
    w.entry(World::kKernelPt, 0, 0x20'0000 | (leaf & ~2ULL));
    w.entry(World::kKernelPt, 1, 0x20'1000 | leaf | nx);
    w.entry(World::kKernelPt, 2, 0x20'2000 | leaf | nx);
    // (the workspace lies in another 2 MiB: left out; the guards are unmapped)

    m::Header h{};
    h.magic = m::kMagic;
    h.version = m::kVersion;
    h.manifest_size = 2 * kPageSize;
    h.bundle_size = w.bundle.size();
    h.bundle_base = Hpa{World::kBase};
    h.tables_offset = World::kTables * kPageSize;
    h.tables_size = (World::kPayload - World::kTables) * kPageSize;
    h.kernel = {Hpa{0x20'0000}, 0x4000};
    h.workspace = {Hpa{World::kWorkspace}, 0x2'0000};
    h.trampoline = Hpa{0x8000};
    h.kernel_page_tables = Hpa{World::place(World::kKernelPml4)};
    h.apic = m::ApicMode::x2apic;
    name(h.name, "hand");
    name(h.board, "desk");
    h.iommu.kind = m::IommuKind::vt_d;
    h.iommu.levels = 4;
    h.iommu.bdf = m::kNobody;
    h.iommu.registers = Hpa{0xFED9'0000};
    h.iommu.root_table = Hpa{World::place(World::kRootTable)};
    h.iommu.interrupt_table = Hpa{World::place(World::kInterruptTable)};
    h.iommu.interrupt_table_entries = 256;

    std::vector<m::Partition> partitions(2);
    std::vector<m::Cpu> cpus(2);
    std::vector<m::Region> regions;
    std::vector<m::Payload> payloads;
    std::vector<m::PortRule> ports;
    std::vector<m::MsrRule> msrs;
    std::vector<m::CpuidRule> cpuid;
    for (std::uint16_t i = 0; i < 2; ++i) {
        const std::uint64_t first = World::kPartition[i];
        w.entry(first, 0, World::place(first + 1) | table | user);
        w.entry(first + 1, 0, World::place(first + 2) | table | user);
        w.entry(first + 2, 0, World::kRam[i] | leaf | user | large);
        w.entry(first + 1, 3, World::place(first + 3) | table | user);
        // gpa 0xD0000000: the channel, one 2 MiB page; written by 0, read by 1.
        w.entry(first + 3, 128, World::kChannel | (i == 0 ? leaf : leaf & ~2ULL) | user | large | nx);
        const auto ones = w.bundle.begin() + static_cast<std::ptrdiff_t>((first + 4) * kPageSize);
        std::fill(ones, ones + 5 * kPageSize, std::uint8_t{0xFF});
        for (const std::uint64_t vmcb : {first + 9, first + 10}) {
            const std::uint64_t at = vmcb * kPageSize;
            put(w.bundle, at + 0x010, 1, 4);
            put(w.bundle, at + 0x040, World::place(first + 4), 8);
            put(w.bundle, at + 0x048, World::place(first + 7), 8);
            put(w.bundle, at + 0x058, i + 1U, 4);
            put(w.bundle, at + 0x090, 1, 8);
            put(w.bundle, at + 0x0B0, World::place(first), 8);
            put(w.bundle, at + 0x4D0, 0x1000, 8);
            put(w.bundle, at + 0x668, 0x0007'0406'0007'0406, 8);
        }
        m::Partition& p = partitions[i];
        name(p.name, i == 0 ? "left" : "right");
        p.asid = i + 1U;
        p.first_cpu = i;
        p.cpu_count = 1;
        p.boot = m::BootKind::elf64;
        for (m::OnFault& on : p.on) {
            on = m::OnFault::stop;
        }
        p.npt_root = Hpa{World::place(first)};
        p.iopm = Hpa{World::place(first + 4)};
        p.msrpm = Hpa{World::place(first + 7)};
        p.vmcb_boot = Hpa{World::place(first + 9)};
        p.vmcb_ap = Hpa{World::place(first + 10)};
        p.block = Hpa{World::kWorkspace + 2 * layout::CpuBlock::kSize + i * layout::PartitionBlock::kSize};
        p.regions = {i * 2U, 2};
        p.payloads = {i, 1};
        p.ports = {i, 1};
        p.msrs = {i, 1};
        p.cpuid = {i, 1};
        cpus[i] = {i, i, 0, Hpa{World::kWorkspace + i * layout::CpuBlock::kSize}};
        regions.push_back(
            {Gpa{0}, Hpa{World::kRam[i]}, 0x20'0000, m::RegionKind::ram, 7, m::MemoryType::write_back, 0, ~0U});
        regions.push_back({Gpa{0xD000'0000}, Hpa{World::kChannel}, 0x20'0000,
                           i == 0 ? m::RegionKind::channel_send : m::RegionKind::channel_receive,
                           static_cast<u8>(i == 0 ? 3 : 1), m::MemoryType::write_back, 0, 0});
        const std::uint64_t payload = (World::kPayload + i) * kPageSize;
        for (std::uint64_t k = 0; k < 100; ++k) {
            w.bundle[payload + k] = static_cast<std::uint8_t>(k + i);
        }
        payloads.push_back({static_cast<u32>(payload), 100, Gpa{0x10'0000}, Hpa{World::kRam[i] + 0x10'0000}});
        p.payload_digest = sha256(ByteSpan(w.bundle).subspan(payload, 100));
        ports.push_back({0x3F8, 0x3FF, m::PortAnswer::uart, 0, 0});
        msrs.push_back({0x1B, 0x1B, m::MsrAnswer::apic_base, m::MsrAnswer::apic_base, 0, 0, 0});
        cpuid.push_back({0, m::kCpuidAnySubleaf, {~0U, ~0U, ~0U, ~0U}, {}, 0, 0});
    }
    std::vector<m::Channel> channels(1);
    name(channels[0].name, "pipe");
    channels[0].memory = {Hpa{World::kChannel}, 0x20'0000};
    channels[0].writer = 0;
    channels[0].reader = 1;
    channels[0].reader_cpu = 1;

    std::uint32_t at = sizeof(m::Header);
    append(w.bundle, at, h.cpus, cpus);
    append(w.bundle, at, h.partitions, partitions);
    append(w.bundle, at, h.regions, regions);
    append(w.bundle, at, h.payloads, payloads);
    append(w.bundle, at, h.channels, channels);
    append(w.bundle, at, h.ports, ports);
    append(w.bundle, at, h.msrs, msrs);
    append(w.bundle, at, h.cpuid, cpuid);
    w.set_header(h);
    w.seal();
    return w;
}

World make_device_world() {
    World w = make_world();
    m::Header h = w.header();
    h.ecam = Hpa{0xB000'0000};
    h.iommu.queue = Hpa{World::kWorkspace + 0x1'8000};
    h.iommu.log = Hpa{World::kWorkspace + 0x1'9000};
    h.watchdog = {m::WatchdogKind::hpet, 2, 0xF8, 1, Hpa{0xFED0'0000}, 1000, 9};
    h.event_log = {Hpa{World::kWorkspace + 0x1'C000}, 2 * kPageSize};
    h.crash_record = Hpa{World::kWorkspace + 0x1'E000};
    std::vector<m::Device> devices(2);
    name(devices[0].name, "host-bridge");
    devices[0].bdf = m::kNobody;
    devices[0].bridge = m::kNobody;
    devices[0].msix_bar = ~0U;
    devices[0].registers = {0, 1};
    m::Device& nic = devices[1];
    name(nic.name, "nic");
    nic.bdf = 0x200;
    nic.virtual_bdf = 8;
    nic.domain = 1;
    nic.reset = m::ResetKind::flr;
    nic.reset_at = 0x80;
    nic.bridge = m::kNobody;
    nic.msix_at = 0x40;
    nic.msix_entries = 5;
    nic.first_handle = 16;
    nic.handles = 5;
    nic.msix_bar = 0;
    nic.msix_offset = 0x2000;
    nic.block = Hpa{World::kWorkspace + 0x1'A000};
    nic.registers = {1, 4};
    nic.bars = {0, 1};
    const std::vector<m::Bar> bars{{1, 0, m::kBar64, 0, Gpa{0xE000'0000}, {Hpa{0xFE80'0000}, 0x4000}}};
    std::vector<m::PciRegister> registers(5);
    registers[0] = {0x00, m::PciAnswer::constant, 0, 0, 0, 0x0008'1B36, 0, 0};
    registers[1] = {0x04, m::PciAnswer::hardware, 0, 0, 0xFFFF'0146, 0x0400, 0x0146, 0xF900'0000};
    registers[2] = {0x10, m::PciAnswer::bar_low, 0, 0, 0, 0, 0, 0};
    registers[3] = {0x14, m::PciAnswer::bar_high, 0, 0, 0, 0, 0, 0};
    registers[4] = {0x40, m::PciAnswer::msix_control, 0, 0, 0xFFFF'00FF, 0, 0xC000'0000, 0};
    const std::vector<m::Bridge> bridges{{0x10, 0, 2, 2, 1, 0x148, {Hpa{0xFE80'0000}, 0x20'0000}, {Hpa{0}, 0}}};
    std::uint32_t at = 0x1000;
    append(w.bundle, at, h.devices, devices);
    append(w.bundle, at, h.bars, bars);
    append(w.bundle, at, h.pci_registers, registers);
    append(w.bundle, at, h.bridges, bridges);
    put(w.bundle, h.partitions.offset + offsetof(m::Partition, devices) + 4, 2, 4);
    w.set_header(h);
    w.seal();
    return w;
}

} // namespace septum::verifier::decode::test
