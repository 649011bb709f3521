// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/manifest.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace septum::verifier::decode {

namespace {

namespace m = septum::manifest;

constexpr std::string_view kId = "image.manifest";
// For tables that the format does not bound. 64 partitions with RAM, log and both ends of 255 channels, and 1,536 BARs
// cut in two, have 3,774 regions; each partition may name all of them, so that the work grows with the product.
constexpr std::uint32_t kMaxRecords = 4096;

template <typename T>
std::span<const T> slice_of(const std::vector<T>& records, std::uint64_t first, std::uint64_t count) {
    if (first > records.size()) {
        return {};
    }
    return std::span(records).subspan(first, std::min<std::uint64_t>(count, records.size() - first));
}

class Reader {
public:
    Reader(ByteSpan bundle, Manifest& manifest) : bundle_(bundle), manifest_(manifest) {}

    std::vector<config::Diagnostic> errors;

    void run() {
        if (!header()) {
            return;
        }
        const m::Header& h = manifest_.header;
        covered_.push_back({0, sizeof(m::Header)});
        bool good = table(h.cpus, manifest_.cpus, m::kMaxCpus, "cpus");
        good = table(h.partitions, manifest_.partitions, m::kMaxPartitions, "partitions") && good;
        good = table(h.regions, manifest_.regions, kMaxRecords, "regions") && good;
        good = table(h.payloads, manifest_.payloads, kMaxRecords, "payloads") && good;
        good = table(h.channels, manifest_.channels, m::kMaxChannels, "channels") && good;
        good = table(h.ports, manifest_.ports, m::kMaxPortRules * m::kMaxPartitions, "ports") && good;
        good = table(h.msrs, manifest_.msrs, m::kMaxMsrRules * m::kMaxPartitions, "msrs") && good;
        good = table(h.cpuid, manifest_.cpuid, m::kMaxCpuidRules * m::kMaxPartitions, "cpuid") && good;
        good = table(h.facts, manifest_.facts, kMaxRecords, "facts") && good;
        good = table(h.ram, manifest_.ram, kMaxRecords, "ram") && good;
        good = table(h.devices, manifest_.devices, m::kMaxDevices, "devices") && good;
        good = table(h.bars, manifest_.bars, m::kMaxDevices * m::kMaxBars, "bars") && good;
        good = table(h.pci_registers, manifest_.pci_registers, m::kMaxDevices * m::kMaxPciRegisters, "pci_registers") &&
               good;
        good = table(h.bridges, manifest_.bridges, m::kMaxBridges, "bridges") && good;
        if (!good) {
            return;
        }
        gaps();
        header_fields();
        slices();
        cpus();
        for (std::size_t i = 0; i < manifest_.partitions.size(); ++i) {
            partition(manifest_.partitions[i], i);
        }
        records();
        check_device_records(manifest_);
    }

private:
    void fail(std::string message) {
        errors.push_back(
            error(kId, std::move(message), "build the image again, or copy it again: it may have been altered"));
    }

    void defect(DefectKind kind, const std::string& text_, std::uint64_t at, std::uint64_t expected,
                std::uint64_t found) {
        manifest_.defects.add(kind, "manifest: " + text_, at, expected, found);
    }

    bool header() {
        m::Header& h = manifest_.header;
        if (bundle_.size() < sizeof h) {
            fail("the bundle is cut short: its header takes " + std::to_string(sizeof h) + " bytes, found " +
                 std::to_string(bundle_.size()));
            return false;
        }
        std::memcpy(&h, bundle_.data(), sizeof h);
        if (h.magic != m::kMagic) {
            fail("the bundle has no manifest: expected magic " + hex(m::kMagic) + ", found " + hex(h.magic));
            return false;
        }
        if (h.version != m::kVersion) {
            fail("the manifest has an unknown version: expected " + std::to_string(m::kVersion) + ", found " +
                 std::to_string(h.version));
            return false;
        }
        if (h.bundle_size != bundle_.size()) {
            fail("the bundle " +
                 std::string(h.bundle_size > bundle_.size() ? "is cut short" : "has bytes behind its end") +
                 ": expected " + std::to_string(h.bundle_size) + " bytes, found " + std::to_string(bundle_.size()));
            return false;
        }
        if (h.manifest_size < sizeof h || h.manifest_size % kPageSize != 0 || h.manifest_size > bundle_.size()) {
            fail("the manifest's size is wrong: expected whole pages within " + std::to_string(bundle_.size()) +
                 " bytes, found " + std::to_string(h.manifest_size));
            return false;
        }
        if (!fits(h.tables_offset, h.tables_size, bundle_.size()) || h.tables_offset % kPageSize != 0 ||
            h.tables_size % kPageSize != 0) {
            fail("the tables do not lie in the bundle: " + hex(h.tables_size) + " bytes at " + hex(h.tables_offset) +
                 " in " + hex(bundle_.size()));
            return false;
        }
        if (h.bundle_base.value % kPageSize != 0 || !fits(h.bundle_base.value, bundle_.size(), 1ULL << 52)) {
            fail("the bundle's place is wrong: expected a page-aligned physical address, found " +
                 hex(h.bundle_base.value));
            return false;
        }
        return true;
    }

    template <typename T>
    bool table(const m::Table& t, std::vector<T>& out, std::uint32_t most, const char* what) {
        static_assert(std::is_trivially_copyable_v<T>);
        if (t.count == 0) {
            if (t.offset > manifest_.header.manifest_size || t.offset % 8 != 0) {
                defect(DefectKind::out_of_range, std::string("table `") + what + "` is empty and yet elsewhere",
                       t.offset, manifest_.header.manifest_size, t.offset);
            }
            return true;
        }
        if (t.count > most) {
            fail(std::string("the manifest has more `") + what + "` than the kernel takes: expected at most " +
                 std::to_string(most) + ", found " + std::to_string(t.count));
            return false;
        }
        const std::uint64_t size = std::uint64_t{t.count} * sizeof(T);
        if (t.offset < sizeof(m::Header) || !fits(t.offset, size, manifest_.header.manifest_size)) {
            fail(std::string("the manifest's table `") + what + "` does not lie in it: " + std::to_string(t.count) +
                 " records at " + hex(t.offset) + " in " + hex(manifest_.header.manifest_size) + " bytes");
            return false;
        }
        if (t.offset % 8 != 0) {
            defect(DefectKind::unaligned, std::string("table `") + what + "`", t.offset, t.offset & ~7U, t.offset);
        }
        covered_.push_back({t.offset, size});
        out.resize(t.count);
        std::memcpy(out.data(), bundle_.data() + t.offset, size);
        return true;
    }

    // Tables that overlap, and bytes between them that are not zero.
    void gaps() {
        std::sort(covered_.begin(), covered_.end());
        std::uint64_t end = 0;
        covered_.push_back({manifest_.header.manifest_size, 0});
        for (const auto& [first, size] : covered_) {
            if (first < end) {
                defect(DefectKind::overlap, "two tables overlap", first, end, first);
            }
            for (std::uint64_t at = end; at < first; ++at) {
                if (bundle_[at] != 0) {
                    defect(DefectKind::stray_bytes, "bytes that no record describes", at, 0, bundle_[at]);
                    break;
                }
            }
            end = std::max(end, first + size);
        }
    }

    template <typename Enum>
    void one_of(Enum value, std::initializer_list<Enum> allowed, const std::string& text_, std::uint64_t at) {
        if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
            defect(DefectKind::wrong_value, text_, at, static_cast<std::uint64_t>(*allowed.begin()),
                   static_cast<std::uint64_t>(value));
        }
    }

    void zero(std::uint64_t value, const std::string& text_, std::uint64_t at) {
        if (value != 0) {
            defect(DefectKind::reserved_bits, text_ + " is reserved", at, 0, value);
        }
    }

    void flag(std::uint8_t value, const std::string& text_, std::uint64_t at) {
        if (value > 1) {
            defect(DefectKind::wrong_value, text_, at, 1, value);
        }
    }

    void range(const m::Range& r, const std::string& text_, std::uint64_t at) {
        if (r.base.value % kPageSize != 0 || r.size % kPageSize != 0) {
            defect(DefectKind::unaligned, text_, at, r.base.value & ~(kPageSize - 1), r.base.value);
        }
        if (!fits(r.base.value, r.size, 1ULL << 52)) {
            defect(DefectKind::out_of_range, text_, at, 1ULL << 52, r.size);
        }
    }

    void name(const char (&bytes)[m::kNameSize], const std::string& text_, std::uint64_t at,
              bool may_be_empty = false) {
        const auto* const end = std::find(std::begin(bytes), std::end(bytes), '\0');
        if (end == std::end(bytes)) {
            defect(DefectKind::wrong_value, text_ + " has no end", at + m::kNameSize - 1, 0,
                   static_cast<std::uint8_t>(bytes[m::kNameSize - 1]));
        } else if (end == std::begin(bytes) && !may_be_empty) {
            defect(DefectKind::wrong_value, text_ + " is empty", at, 1, 0);
        }
        const auto* const stray = std::find_if(end, std::end(bytes), [](char c) { return c != '\0'; });
        if (stray != std::end(bytes)) {
            defect(DefectKind::stray_bytes, text_ + " goes on behind its end",
                   at + static_cast<std::uint64_t>(stray - bytes), 0, static_cast<std::uint8_t>(*stray));
        }
    }

    void header_fields() {
        const m::Header& h = manifest_.header;
        if (h.tables_offset != h.manifest_size) {
            defect(DefectKind::wrong_value, "the tables do not follow the manifest", offsetof(m::Header, tables_offset),
                   h.manifest_size, h.tables_offset);
        }
        one_of(h.apic, {m::ApicMode::x2apic, m::ApicMode::xapic}, "apic", offsetof(m::Header, apic));
        for (const u8 byte : h.reserved0) {
            zero(byte, "a byte behind apic", offsetof(m::Header, reserved0));
        }
        name(h.name, "the appliance's name", offsetof(m::Header, name));
        name(h.board, "the board's name", offsetof(m::Header, board));
        range(h.kernel, "the kernel's range", offsetof(m::Header, kernel));
        range(h.workspace, "the workspace", offsetof(m::Header, workspace));
        if (h.trampoline.value % kPageSize != 0 || h.trampoline.value >= 0x10'0000) {
            defect(DefectKind::wrong_value, "the trampoline is no page below 1 mib", offsetof(m::Header, trampoline), 0,
                   h.trampoline.value);
        }
    }

    // Every record belongs to exactly one partition; a CPU that says so to none.
    void slices() {
        const m::Header& h = manifest_.header;
        owned(manifest_.regions, h.regions, "regions", [](const m::Partition& p) { return p.regions; });
        owned(manifest_.payloads, h.payloads, "payloads", [](const m::Partition& p) { return p.payloads; });
        owned(manifest_.ports, h.ports, "ports", [](const m::Partition& p) { return p.ports; });
        owned(manifest_.msrs, h.msrs, "msrs", [](const m::Partition& p) { return p.msrs; });
        owned(manifest_.cpuid, h.cpuid, "cpuid", [](const m::Partition& p) { return p.cpuid; });
        owned(manifest_.cpus, h.cpus, "cpus", [](const m::Partition& p) { return m::Slice{p.first_cpu, p.cpu_count}; });
        owned(manifest_.devices, h.devices, "devices", [](const m::Partition& p) { return p.devices; });
        owned(manifest_.bars, h.bars, "bars", manifest_.devices, h.devices, "device",
              [](const m::Device& d) { return d.bars; });
        owned(manifest_.pci_registers, h.pci_registers, "pci_registers", manifest_.devices, h.devices, "device",
              [](const m::Device& d) { return d.registers; });
    }

    template <typename T, typename SliceOf>
    void owned(const std::vector<T>& records_, const m::Table& t, const char* what, SliceOf&& slice_at) {
        owned(records_, t, what, manifest_.partitions, manifest_.header.partitions, "partition",
              std::forward<SliceOf>(slice_at));
    }

    template <typename T, typename Owner, typename SliceOf>
    void owned(const std::vector<T>& records_, const m::Table& t, const char* what, const std::vector<Owner>& all,
               const m::Table& owner_table, const char* owner, SliceOf&& slice_at) {
        const std::uint64_t size = records_.size();
        std::vector<std::uint8_t> owners(size, 0);
        for (std::size_t i = 0; i < all.size(); ++i) {
            const m::Slice s = slice_at(all[i]);
            if (!fits(s.first, s.count, size)) {
                defect(DefectKind::out_of_range,
                       owner + (" " + std::to_string(i)) + ": its `" + what + "` leave the table",
                       owner_table.offset + i * sizeof(Owner), size, std::uint64_t{s.first} + s.count);
            }
            const std::uint64_t end = std::min<std::uint64_t>(std::uint64_t{s.first} + s.count, size);
            for (std::uint64_t k = s.first; k < end; ++k) {
                owners[k] = static_cast<std::uint8_t>(std::min(owners[k] + 1, 2));
            }
        }
        for (std::size_t k = 0; k < size; ++k) {
            std::uint8_t expected = 1;
            if constexpr (std::is_same_v<T, m::Cpu>) {
                expected = records_[k].partition == m::kNobody ? 0 : 1;
            }
            if (owners[k] != expected) {
                const std::string found = owners[k] == 0   ? std::string("no ") + owner
                                          : owners[k] == 1 ? std::string("a ") + owner
                                                           : std::string("two ") + owner + "s";
                defect(owners[k] == 0 ? DefectKind::stray_bytes : DefectKind::overlap,
                       "record " + std::to_string(k) + " of `" + what + "` belongs to " + found,
                       t.offset + k * sizeof(T), expected, owners[k]);
            }
        }
    }

    [[nodiscard]] std::uint64_t partition_at(std::size_t index) const {
        return manifest_.header.partitions.offset + index * sizeof(m::Partition);
    }

    void cpus() {
        for (std::size_t i = 0; i < manifest_.cpus.size(); ++i) {
            const m::Cpu& cpu = manifest_.cpus[i];
            const std::uint64_t at = manifest_.header.cpus.offset + i * sizeof(m::Cpu);
            const std::string who = "cpu " + std::to_string(i);
            if (cpu.partition == m::kNobody) { // they come last
                if (cpu.vcpu != 0 || (i + 1 < manifest_.cpus.size() && manifest_.cpus[i + 1].partition != m::kNobody)) {
                    defect(DefectKind::wrong_value, who + " belongs to nobody and yet has a place", at, 0, cpu.vcpu);
                }
            } else if (cpu.partition >= manifest_.partitions.size()) {
                defect(DefectKind::out_of_range, who + " has no partition", at, manifest_.partitions.size(),
                       cpu.partition);
            } else {
                const m::Partition& p = manifest_.partitions[cpu.partition];
                if (i < p.first_cpu || i - p.first_cpu >= p.cpu_count || i - p.first_cpu != cpu.vcpu) {
                    defect(DefectKind::wrong_value, who + " is not where its partition looks for it", at,
                           std::uint64_t{p.first_cpu} + cpu.vcpu, i);
                }
            }
            if (cpu.block.value % kPageSize != 0) {
                defect(DefectKind::unaligned, who + "'s block", at, cpu.block.value & ~(kPageSize - 1),
                       cpu.block.value);
            }
        }
    }

    void partition(const m::Partition& p, std::size_t index) {
        const std::uint64_t at = partition_at(index);
        const std::string who = "partition " + std::to_string(index);
        name(p.name, who + ": its name", at + offsetof(m::Partition, name));
        for (std::size_t other = 0; other < index; ++other) {
            if (text(manifest_.partitions[other].name) == text(p.name)) {
                defect(DefectKind::duplicate, who + " has the name of partition " + std::to_string(other), at, 0, 0);
            }
        }
        one_of(p.boot, {m::BootKind::elf64, m::BootKind::linux, m::BootKind::pvh, m::BootKind::multiboot},
               who + ": boot", at + offsetof(m::Partition, boot));
        bool counts = false;
        for (std::size_t cause = 0; cause < m::kCauses; ++cause) {
            one_of(p.on[cause], {m::OnFault::stop, m::OnFault::restart, m::OnFault::halt_system},
                   who + ": on[" + std::to_string(cause) + "]", at + offsetof(m::Partition, on) + cause);
            counts =
                counts || (cause < static_cast<std::size_t>(m::Cause::reset) && p.on[cause] == m::OnFault::restart);
        }
        flag(p.console, who + ": console", at + offsetof(m::Partition, console));
        flag(p.event_log, who + ": event_log", at + offsetof(m::Partition, event_log));
        zero(p.reserved0, who + ": a byte behind event_log", at + offsetof(m::Partition, reserved0));
        zero(p.reserved1, who + ": a field behind on", at + offsetof(m::Partition, reserved1));
        if (!counts && p.restart_limit != 0) {
            defect(DefectKind::wrong_value, who + ": restart_limit without restart",
                   at + offsetof(m::Partition, restart_limit), 0, p.restart_limit);
        }
        const auto limit = [&](std::uint64_t found, std::uint64_t most, const char* what) {
            if (found > most) {
                defect(DefectKind::out_of_range, who + ": more " + what + " than the kernel takes", at, most, found);
            }
        };
        limit(p.cpu_count, m::kMaxCpusPerPartition, "cpus");
        limit(p.ports.count, m::kMaxPortRules, "port rules");
        limit(p.msrs.count, m::kMaxMsrRules, "msr rules");
        limit(p.cpuid.count, m::kMaxCpuidRules, "cpuid rules");
        if (p.cpu_count == 0) {
            defect(DefectKind::out_of_range, who + " has no cpu", at + offsetof(m::Partition, cpu_count), 1, 0);
        }
        if (p.block.value % kPageSize != 0) {
            defect(DefectKind::unaligned, who + "'s block", at + offsetof(m::Partition, block),
                   p.block.value & ~(kPageSize - 1), p.block.value);
        }
        ordered(manifest_.ports_of(p), who + ": port rules", at);
        ordered(manifest_.msrs_of(p), who + ": msr rules", at);
        cpuid_order(manifest_.cpuid_of(p), who, at);
    }

    // Sorted by `first`, disjoint, none empty.
    template <typename Rule>
    void ordered(std::span<const Rule> rules, const std::string& who, std::uint64_t at) {
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (rules[i].last < rules[i].first || (i != 0 && rules[i].first <= rules[i - 1].last)) {
                defect(DefectKind::overlap, who + " are not sorted and disjoint: rule " + std::to_string(i), at,
                       i == 0 ? rules[i].first : std::uint64_t{rules[i - 1].last} + 1, rules[i].first);
            }
        }
    }

    void cpuid_order(std::span<const m::CpuidRule> rules, const std::string& who, std::uint64_t at) {
        for (std::size_t i = 1; i < rules.size(); ++i) {
            const m::CpuidRule& a = rules[i - 1];
            const m::CpuidRule& b = rules[i];
            const bool rising =
                a.leaf < b.leaf || (a.leaf == b.leaf && a.subleaf < b.subleaf && b.subleaf != m::kCpuidAnySubleaf);
            if (!rising) {
                defect(DefectKind::overlap, who + ": cpuid rules are not sorted: rule " + std::to_string(i), at, a.leaf,
                       b.leaf);
            }
        }
    }

    void records() {
        const m::Header& h = manifest_.header;
        for (std::size_t i = 0; i < manifest_.regions.size(); ++i) {
            const m::Region& r = manifest_.regions[i];
            const std::uint64_t at = h.regions.offset + i * sizeof r;
            const std::string who = "region " + std::to_string(i);
            one_of(r.kind,
                   {m::RegionKind::ram, m::RegionKind::channel_send, m::RegionKind::channel_receive,
                    m::RegionKind::device, m::RegionKind::event_log},
                   who + ": kind", at + offsetof(m::Region, kind));
            one_of(r.type, {m::MemoryType::write_back, m::MemoryType::uncacheable}, who + ": type",
                   at + offsetof(m::Region, type));
            if ((r.access & ~7U) != 0) {
                defect(DefectKind::reserved_bits, who + ": access", at + offsetof(m::Region, access), r.access & 7U,
                       r.access);
            }
            zero(r.reserved0, who + ": a byte behind type", at + offsetof(m::Region, reserved0));
            range({r.hpa, r.size}, who, at);
            range({Hpa{r.gpa.value}, r.size}, who + "'s guest side", at);
            const bool device = r.kind == m::RegionKind::device;
            const bool plain = r.kind == m::RegionKind::ram || r.kind == m::RegionKind::event_log;
            const std::uint64_t most = device ? manifest_.bars.size() : manifest_.channels.size();
            if (plain ? r.object != ~0U : r.object >= most) {
                defect(DefectKind::out_of_range, who + (device ? ": bar" : ": channel"),
                       at + offsetof(m::Region, object), plain ? ~0U : most, r.object);
            }
        }
        for (std::size_t i = 0; i < manifest_.payloads.size(); ++i) {
            const m::Payload& p = manifest_.payloads[i];
            const std::uint64_t at = h.payloads.offset + i * sizeof p;
            const std::string who = "payload " + std::to_string(i);
            if (p.offset % kPageSize != 0) {
                defect(DefectKind::unaligned, who, at, p.offset & ~0xFFFU, p.offset);
            }
            if (p.offset < std::uint64_t{h.tables_offset} + h.tables_size || !fits(p.offset, p.size, bundle_.size())) {
                defect(DefectKind::out_of_range, who + " does not lie among the payloads", at, bundle_.size(),
                       std::uint64_t{p.offset} + p.size);
            }
            if (!fits(p.gpa.value, p.size, 1ULL << 52) || !fits(p.hpa.value, p.size, 1ULL << 52)) {
                defect(DefectKind::out_of_range, who + " is placed beyond memory", at, 1ULL << 52, p.hpa.value);
            }
        }
        for (std::size_t i = 0; i < manifest_.channels.size(); ++i) {
            const m::Channel& c = manifest_.channels[i];
            const std::uint64_t at = h.channels.offset + i * sizeof c;
            const std::string who = "channel " + std::to_string(i);
            name(c.name, who + ": its name", at);
            range(c.memory, who, at + offsetof(m::Channel, memory));
            flag(c.doorbell, who + ": doorbell", at + offsetof(m::Channel, doorbell));
            for (const std::uint16_t end : {c.writer, c.reader}) {
                if (end >= manifest_.partitions.size()) {
                    defect(DefectKind::out_of_range, who + " leads to no partition", at + offsetof(m::Channel, writer),
                           manifest_.partitions.size(), end);
                }
            }
            if (c.reader_cpu >= manifest_.cpus.size()) {
                defect(DefectKind::out_of_range, who + ": reader_cpu", at + offsetof(m::Channel, reader_cpu),
                       manifest_.cpus.size(), c.reader_cpu);
            }
            if (c.vector != 0 && c.vector < 32) {
                defect(DefectKind::out_of_range, who + ": vector", at + offsetof(m::Channel, vector), 32, c.vector);
            }
        }
        for (std::size_t i = 0; i < manifest_.ports.size(); ++i) {
            const m::PortRule& r = manifest_.ports[i];
            const std::uint64_t at = h.ports.offset + i * sizeof r;
            using enum m::PortAnswer;
            one_of(r.answer, {constant, forbidden, uart, doorbell, sleep, reset, pci_address, pci_data, pit, pit_gate},
                   "port rule " + std::to_string(i), at);
            zero(r.reserved0, "port rule " + std::to_string(i) + ": its end", at + offsetof(m::PortRule, reserved0));
            if (r.answer != constant) {
                zero(r.value, "port rule " + std::to_string(i) + " is no constant: its value",
                     at + offsetof(m::PortRule, value));
            }
        }
        for (std::size_t i = 0; i < manifest_.msrs.size(); ++i) {
            const m::MsrRule& r = manifest_.msrs[i];
            const std::uint64_t at = h.msrs.offset + i * sizeof r;
            using enum m::MsrAnswer;
            const std::string who = "msr rule " + std::to_string(i);
            one_of(r.on_read, {fault_gp, forbidden, constant, efer, apic_base, x2apic}, who + ": on_read", at);
            one_of(r.on_write, {fault_gp, forbidden, ignore, efer, apic_base, x2apic}, who + ": on_write", at);
            zero(r.reserved0, who + ": a field behind on_write", at + offsetof(m::MsrRule, reserved0));
            zero(r.reserved1, who + ": a field behind on_write", at + offsetof(m::MsrRule, reserved1));
            if (r.on_read != constant && r.on_read != efer && r.on_write != efer) {
                zero(r.value, who + " answers nothing with it: its value", at + offsetof(m::MsrRule, value));
            }
        }
        for (std::size_t i = 0; i < manifest_.cpuid.size(); ++i) {
            const m::CpuidRule& r = manifest_.cpuid[i];
            const std::uint64_t at = h.cpuid.offset + i * sizeof r;
            zero(r.reserved0, "cpuid rule " + std::to_string(i) + ": its end", at + offsetof(m::CpuidRule, reserved0));
            zero(r.patch & ~15U, "cpuid rule " + std::to_string(i) + ": a patch", at + offsetof(m::CpuidRule, patch));
        }
        for (std::size_t i = 0; i < manifest_.facts.size(); ++i) {
            const m::Fact& f = manifest_.facts[i];
            const std::uint64_t at = h.facts.offset + i * sizeof f;
            using enum m::FactKind;
            const std::string who = "fact " + std::to_string(i);
            one_of(f.kind, {cpuid_bits, msr_bits, msr_at_least, pci_function, cpuid_at_least, pci_bits}, who, at);
            zero(f.reserved0, who + ": a field behind b", at + offsetof(m::Fact, reserved0));
            name(f.name, who + ": its name", at + offsetof(m::Fact, name));
            if (f.kind != msr_bits && f.kind != msr_at_least) { // registers of 32 bits
                zero(f.mask >> 32, who + ": the upper half of its mask", at + offsetof(m::Fact, mask));
            }
        }
        for (std::size_t i = 0; i < manifest_.ram.size(); ++i) {
            range(manifest_.ram[i], "ram range " + std::to_string(i), h.ram.offset + i * sizeof(m::Range));
        }
    }

    ByteSpan bundle_;
    Manifest& manifest_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> covered_;
};

} // namespace

std::span<const m::Region> Manifest::regions_of(const m::Partition& p) const {
    return slice_of(regions, p.regions.first, p.regions.count);
}
std::span<const m::Payload> Manifest::payloads_of(const m::Partition& p) const {
    return slice_of(payloads, p.payloads.first, p.payloads.count);
}
std::span<const m::PortRule> Manifest::ports_of(const m::Partition& p) const {
    return slice_of(ports, p.ports.first, p.ports.count);
}
std::span<const m::MsrRule> Manifest::msrs_of(const m::Partition& p) const {
    return slice_of(msrs, p.msrs.first, p.msrs.count);
}
std::span<const m::CpuidRule> Manifest::cpuid_of(const m::Partition& p) const {
    return slice_of(cpuid, p.cpuid.first, p.cpuid.count);
}
std::span<const m::Cpu> Manifest::cpus_of(const m::Partition& p) const {
    return slice_of(cpus, p.first_cpu, p.cpu_count);
}
std::span<const m::Device> Manifest::devices_of(const m::Partition& p) const {
    return slice_of(devices, p.devices.first, p.devices.count);
}
std::span<const m::Bar> Manifest::bars_of(const m::Device& d) const {
    return slice_of(bars, d.bars.first, d.bars.count);
}
std::span<const m::PciRegister> Manifest::registers_of(const m::Device& d) const {
    return slice_of(pci_registers, d.registers.first, d.registers.count);
}

std::string text(const char (&name)[m::kNameSize]) {
    return {std::begin(name), std::find(std::begin(name), std::end(name), '\0')};
}

config::Outcome<Manifest> decode_manifest(ByteSpan bundle) {
    config::Outcome<Manifest> outcome;
    Manifest manifest;
    Reader reader(bundle, manifest);
    reader.run();
    outcome.diagnostics = std::move(reader.errors);
    if (outcome.diagnostics.empty()) {
        outcome.value = std::move(manifest);
    }
    return outcome;
}

} // namespace septum::verifier::decode
