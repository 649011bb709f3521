// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/manifest.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace septum::verifier::decode {

namespace {

namespace m = septum::manifest;

constexpr std::uint64_t kAddressLimit = 1ULL << 52;
constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint8_t kFirstCapability = 0x40;  // behind the header (PCI 3.0 §6.1)
constexpr std::uint16_t kFirstExtended = 0x100;  // PCIe 6.0 §7.2
constexpr std::uint32_t kMostMsixEntries = 2048; // PCI 3.0 §6.8.2.3
constexpr std::uint32_t kMostMsiVectors = 32;    // §6.8.1.3
constexpr std::uint8_t kMostComparators = 32;    // HPET 1.0a §2.3.4
constexpr unsigned kFunctionsOfBus = 256;

class Checker {
public:
    explicit Checker(Manifest& manifest) : manifest_(manifest), h_(manifest.header) {}

    void run() {
        iommu();
        header();
        for (std::size_t i = 0; i < manifest_.devices.size(); ++i) {
            device(manifest_.devices[i], i);
        }
        for (std::size_t i = 0; i < manifest_.bars.size(); ++i) {
            bar(manifest_.bars[i], i);
        }
        for (std::size_t i = 0; i < manifest_.bridges.size(); ++i) {
            bridge(manifest_.bridges[i], i);
        }
    }

private:
    void defect(DefectKind kind, const std::string& text_, std::uint64_t at, std::uint64_t expected,
                std::uint64_t found) {
        manifest_.defects.add(kind, "manifest: " + text_, at, expected, found);
    }
    void equal(std::uint64_t found, std::uint64_t expected, const std::string& text_, std::uint64_t at) {
        if (found != expected) {
            defect(DefectKind::wrong_value, text_, at, expected, found);
        }
    }
    void at_most(std::uint64_t found, std::uint64_t most, const std::string& text_, std::uint64_t at) {
        if (found > most) {
            defect(DefectKind::out_of_range, text_, at, most, found);
        }
    }
    void reserved(std::uint64_t bits_set, const std::string& text_, std::uint64_t at) {
        if (bits_set != 0) {
            defect(DefectKind::reserved_bits, text_, at, 0, bits_set);
        }
    }
    void aligned(std::uint64_t value, std::uint64_t alignment, const std::string& text_, std::uint64_t at) {
        if (value % alignment != 0) {
            defect(DefectKind::unaligned, text_, at, value / alignment * alignment, value);
        }
    }
    void in_memory(std::uint64_t base, std::uint64_t size, const std::string& text_, std::uint64_t at) {
        if (!fits(base, size, kAddressLimit)) {
            defect(DefectKind::out_of_range, text_, at, kAddressLimit, base);
        }
    }
    [[nodiscard]] bool present() const { return h_.iommu.kind != m::IommuKind::none; }

    void iommu() {
        const m::Iommu& u = h_.iommu;
        constexpr std::uint64_t kAt = offsetof(m::Header, iommu);
        if (u.kind != m::IommuKind::none && u.kind != m::IommuKind::vt_d && u.kind != m::IommuKind::amd_vi) {
            defect(DefectKind::wrong_value, "the iommu's kind", kAt, 1, static_cast<std::uint64_t>(u.kind));
            return;
        }
        if (!present()) {
            reserved(u.registers.value | u.root_table.value | u.interrupt_table.value | u.interrupt_table_entries |
                         u.queue.value | u.log.value,
                     "an iommu that is not there has a place", kAt);
            reserved(u.version | u.capability | u.capability_mask | u.extended | u.extended_mask | u.levels |
                         u.fault_apic_id,
                     "an iommu that is not there has properties", kAt);
            return;
        }
        const bool vtd = u.kind == m::IommuKind::vt_d;
        const bool idle = std::all_of(manifest_.devices.begin(), manifest_.devices.end(),
                                      [](const m::Device& d) { return d.bdf == m::kNobody; }); // nothing is translated
        if (u.levels != 4 && !(vtd && u.levels == 3) && !(idle && u.levels == 0)) {
            defect(DefectKind::wrong_value, "the iommu's levels", kAt + offsetof(m::Iommu, levels), 4, u.levels);
        }
        if (vtd && !(idle && u.bdf == 0)) {
            equal(u.bdf, m::kNobody, "the iommu's own function", kAt + offsetof(m::Iommu, bdf));
        }
        if (!vtd) {
            equal(u.interrupt_table.value, 0, "the iommu's interrupt table", kAt + offsetof(m::Iommu, interrupt_table));
            equal(u.interrupt_table_entries, 0, "the iommu's interrupt table entries",
                  kAt + offsetof(m::Iommu, interrupt_table_entries));
            equal(u.version, 0, "the iommu's version", kAt + offsetof(m::Iommu, version));
        }
        const auto place = [&](Hpa hpa, const char* what, std::size_t offset) {
            aligned(hpa.value, kPageSize, what, kAt + offset);
            in_memory(hpa.value, kPageSize, what, kAt + offset);
        };
        place(u.registers, "the iommu's registers", offsetof(m::Iommu, registers));
        place(u.root_table, "the iommu's root table", offsetof(m::Iommu, root_table));
        place(u.interrupt_table, "the iommu's interrupt table", offsetof(m::Iommu, interrupt_table));
        place(u.queue, "the iommu's queue", offsetof(m::Iommu, queue));
        place(u.log, "the iommu's log", offsetof(m::Iommu, log));
        reserved((u.capability & ~u.capability_mask) | (u.extended & ~u.extended_mask),
                 "a capability of the iommu outside its mask", kAt + offsetof(m::Iommu, capability));
    }

    void header() {
        const m::Watchdog& w = h_.watchdog;
        constexpr std::uint64_t kAt = offsetof(m::Header, watchdog);
        if (w.kind == m::WatchdogKind::hpet) {
            at_most(w.comparator, kMostComparators - 1, "the watchdog's comparator",
                    kAt + offsetof(m::Watchdog, comparator));
            aligned(w.registers.value, kPageSize, "the watchdog's registers", kAt + offsetof(m::Watchdog, registers));
            in_memory(w.registers.value, kPageSize, "the watchdog's registers", kAt + offsetof(m::Watchdog, registers));
            if (w.period_us == 0) {
                defect(DefectKind::out_of_range, "the watchdog's period", kAt + offsetof(m::Watchdog, period_us), 1, 0);
            }
            if (w.handle != ~0U && w.handle >= h_.iommu.interrupt_table_entries) {
                defect(DefectKind::out_of_range, "the watchdog's handle", kAt + offsetof(m::Watchdog, handle),
                       h_.iommu.interrupt_table_entries, w.handle);
            }
        } else if (w.kind != m::WatchdogKind::none) {
            defect(DefectKind::wrong_value, "the watchdog's kind", kAt, 1, static_cast<std::uint64_t>(w.kind));
        } else {
            reserved(w.registers.value | w.period_us, "a watchdog that is not there has a place or period", kAt);
            reserved(std::uint64_t{w.comparator} | w.requester | w.apic_id | w.handle,
                     "a watchdog that is not there is wired", kAt);
        }
        for (std::size_t i = 0; w.kind == m::WatchdogKind::none && i < manifest_.partitions.size(); ++i) {
            equal(manifest_.partitions[i].heartbeat_ms, 0,
                  "partition " + std::to_string(i) + ": a heartbeat that no watchdog looks for",
                  h_.partitions.offset + i * sizeof(m::Partition) + offsetof(m::Partition, heartbeat_ms));
        }
        aligned(h_.event_log.base.value, kPageSize, "the event log", offsetof(m::Header, event_log));
        aligned(h_.event_log.size, kPageSize, "the event log's size", offsetof(m::Header, event_log));
        in_memory(h_.event_log.base.value, h_.event_log.size, "the event log", offsetof(m::Header, event_log));
        if (h_.event_log.size == 0) {
            reserved(h_.event_log.base.value, "an event log that is not there has a place",
                     offsetof(m::Header, event_log));
        }
        for (std::size_t i = 0; h_.event_log.size == 0 && i < manifest_.partitions.size(); ++i) {
            equal(manifest_.partitions[i].event_log, 0,
                  "partition " + std::to_string(i) + ": it reads an event log that is not there",
                  h_.partitions.offset + i * sizeof(m::Partition) + offsetof(m::Partition, event_log));
        }
        aligned(h_.crash_record.value, kPageSize, "the crash record", offsetof(m::Header, crash_record));
        in_memory(h_.crash_record.value, kPageSize, "the crash record", offsetof(m::Header, crash_record));
        aligned(h_.ecam.value, 256 * kMib, "the configuration space in memory", offsetof(m::Header, ecam));
        in_memory(h_.ecam.value, 256 * kMib, "the configuration space in memory", offsetof(m::Header, ecam));
    }

    void name(const m::Device& d, const std::string& who, std::uint64_t at) {
        const auto* const end = std::find(std::begin(d.name), std::end(d.name), '\0');
        if (end == std::end(d.name) || end == std::begin(d.name)) {
            defect(DefectKind::wrong_value, who + ": its name is empty or has no end", at, 1, 0);
        }
        if (std::any_of(end, std::end(d.name), [](char c) { return c != '\0'; })) {
            defect(DefectKind::stray_bytes, who + ": its name goes on behind its end", at, 0, 1);
        }
    }

    void device(const m::Device& d, std::size_t index) {
        const std::uint64_t at = h_.devices.offset + index * sizeof d;
        const std::string who = "device " + std::to_string(index);
        name(d, who, at);
        reserved(d.reserved0, who + ": a byte behind msi_flags", at + offsetof(m::Device, reserved0));
        reserved(d.reserved1, who + ": a field behind msix_entries", at + offsetof(m::Device, reserved1));
        place(d, index, who, at);
        capabilities(d, who, at);
        const bool is_virtual = d.bdf == m::kNobody;
        if (is_virtual) {
            equal(d.domain, 0, who + " is virtual: its domain", at + offsetof(m::Device, domain));
            equal(d.handles, 0, who + " is virtual: its interrupts", at + offsetof(m::Device, handles));
            equal(d.bars.count, 0, who + " is virtual: its bars", at + offsetof(m::Device, bars));
            equal(d.block.value, 0, who + " is virtual: its block", at + offsetof(m::Device, block));
            equal(static_cast<std::uint64_t>(d.reset), 0, who + " is virtual: its reset",
                  at + offsetof(m::Device, reset));
            reserved(std::uint64_t{d.first_handle} | d.interrupt_table.value | d.msi_at | d.msix_at,
                     who + " is virtual: its way of interrupts", at + offsetof(m::Device, first_handle));
        } else {
            if (d.domain == 0) {
                defect(DefectKind::out_of_range, who + " has no domain", at + offsetof(m::Device, domain), 1, 0);
            }
            if (!present()) {
                defect(DefectKind::wrong_value, who + " is assigned, but there is no iommu", at, 0, d.bdf);
            }
            aligned(d.block.value, kPageSize, who + ": its block", at + offsetof(m::Device, block));
            in_memory(d.block.value, kPageSize, who + ": its block", at + offsetof(m::Device, block));
        }
        at_most(d.bars.count, m::kMaxBars, who + ": more bars than there are registers",
                at + offsetof(m::Device, bars));
        at_most(d.registers.count, m::kMaxPciRegisters, who + ": more configuration rules than doublewords",
                at + offsetof(m::Device, registers));
        registers(d, who, is_virtual);
        std::uint32_t before = 0;
        for (std::size_t i = 0; i < manifest_.bars_of(d).size(); ++i) {
            const m::Bar& b = manifest_.bars_of(d)[i];
            const std::uint64_t bar_at = h_.bars.offset + (d.bars.first + i) * sizeof b;
            equal(b.device, index, who + ": the device of its bar", bar_at);
            if (b.number < before) {
                defect(DefectKind::overlap, who + ": its bars are not sorted", bar_at, before, b.number);
            }
            before = b.number + ((b.flags & m::kBar64) != 0 ? 2U : 1U);
        }
    }

    // Where it stands: in the table, on its owner's virtual bus.
    void place(const m::Device& d, std::size_t index, const std::string& who, std::uint64_t at) {
        if (d.partition >= manifest_.partitions.size()) {
            defect(DefectKind::out_of_range, who + " has no partition", at + offsetof(m::Device, partition),
                   manifest_.partitions.size(), d.partition);
        } else {
            const m::Slice& slice = manifest_.partitions[d.partition].devices;
            if (index < slice.first || index - slice.first >= slice.count) {
                defect(DefectKind::wrong_value, who + " is not where its partition looks for it", at, slice.first,
                       index);
            }
        }
        at_most(d.virtual_bdf, kFunctionsOfBus - 1, who + ": its virtual bus is not 0",
                at + offsetof(m::Device, virtual_bdf));
        if ((d.virtual_bdf == 0) != (d.bdf == m::kNobody)) {
            defect(DefectKind::wrong_value, who + ": 00:00.0 is the virtual host bridge, and nothing else is virtual",
                   at + offsetof(m::Device, virtual_bdf), 0, d.virtual_bdf);
        }
        for (std::size_t other = 0; other < index; ++other) {
            const m::Device& o = manifest_.devices[other];
            if (d.bdf != m::kNobody && o.bdf == d.bdf) {
                defect(DefectKind::duplicate, who + " is the same function as device " + std::to_string(other),
                       at + offsetof(m::Device, bdf), 0, d.bdf);
            }
        }
        if (index != 0) {
            const m::Device& o = manifest_.devices[index - 1];
            if (o.partition > d.partition || (o.partition == d.partition && o.virtual_bdf >= d.virtual_bdf)) {
                defect(DefectKind::overlap, who + " does not follow the one before it",
                       at + offsetof(m::Device, virtual_bdf), std::uint64_t{o.virtual_bdf} + 1, d.virtual_bdf);
            }
        }
        if (d.virtual_bdf != 0 && (index == 0 || manifest_.devices[index - 1].partition != d.partition)) {
            defect(DefectKind::wrong_value, who + " comes without its partition's virtual host bridge", at, 0,
                   d.virtual_bdf);
        }
    }

    void capabilities(const m::Device& d, const std::string& who, std::uint64_t at) {
        const auto offset = [&](std::uint8_t value, const char* what, std::size_t field_at) {
            if (value != 0 && (value < kFirstCapability || value % 4 != 0)) {
                defect(DefectKind::out_of_range, who + ": " + what, at + field_at, kFirstCapability, value);
            }
        };
        offset(d.msi_at, "its msi capability", offsetof(m::Device, msi_at));
        offset(d.msix_at, "its msi-x capability", offsetof(m::Device, msix_at));
        offset(d.reset_at, "the capability that resets it", offsetof(m::Device, reset_at));
        reserved(d.msi_flags & ~(d.msi_at != 0 ? m::kMsi64 | m::kMsiMaskable : 0), who + ": msi_flags",
                 at + offsetof(m::Device, msi_flags));
        at_most(static_cast<std::uint64_t>(d.reset), static_cast<std::uint64_t>(m::ResetKind::bus), who + ": reset",
                at + offsetof(m::Device, reset));
        const bool by_capability =
            d.reset == m::ResetKind::flr || d.reset == m::ResetKind::af_flr || d.reset == m::ResetKind::power;
        if (by_capability != (d.reset_at != 0)) {
            defect(DefectKind::wrong_value, who + ": reset and the capability for it do not fit",
                   at + offsetof(m::Device, reset_at), by_capability ? kFirstCapability : 0, d.reset_at);
        }
        if ((d.reset == m::ResetKind::bus) != (d.bridge != m::kNobody)) {
            defect(DefectKind::wrong_value, who + ": reset and the bridge for it do not fit",
                   at + offsetof(m::Device, bridge), m::kNobody, d.bridge);
        }
        if (d.reset == m::ResetKind::bus && std::none_of(manifest_.bridges.begin(), manifest_.bridges.end(),
                                                         [&](const m::Bridge& b) { return b.bdf == d.bridge; })) {
            defect(DefectKind::out_of_range, who + ": the bridge that resets it is not listed",
                   at + offsetof(m::Device, bridge), 0, d.bridge);
        }
        msix(d, who, at);
        const std::uint32_t most = d.msix_at != 0 ? m::kMaxMsixEntries : d.msi_at != 0 ? kMostMsiVectors : 0;
        at_most(d.handles, most, who + ": handles", at + offsetof(m::Device, handles));
        if (d.msix_at == 0 && d.handles != 0 && !std::has_single_bit(d.handles)) {
            defect(DefectKind::wrong_value, who + ": its msi vectors are no power of two",
                   at + offsetof(m::Device, handles), std::bit_floor(d.handles), d.handles);
        }
        if (h_.iommu.kind == m::IommuKind::vt_d) {
            if (d.handles != 0 && !fits(d.first_handle, d.handles, h_.iommu.interrupt_table_entries)) {
                defect(DefectKind::out_of_range, who + ": its handles leave the interrupt table",
                       at + offsetof(m::Device, first_handle), h_.iommu.interrupt_table_entries,
                       std::uint64_t{d.first_handle} + d.handles);
            }
            equal(d.interrupt_table.value, 0, who + ": its own interrupt table",
                  at + offsetof(m::Device, interrupt_table));
        } else {
            equal(d.first_handle, 0, who + ": first_handle", at + offsetof(m::Device, first_handle));
            aligned(d.interrupt_table.value, 128, who + ": its interrupt table",
                    at + offsetof(m::Device, interrupt_table));
            in_memory(d.interrupt_table.value, kPageSize, who + ": its interrupt table",
                      at + offsetof(m::Device, interrupt_table));
        }
    }

    void msix(const m::Device& d, const std::string& who, std::uint64_t at) {
        const bool has = d.msix_at != 0;
        if (has != (d.msix_entries != 0) || has != (d.msix_bar != ~0U)) {
            defect(DefectKind::wrong_value, who + ": msi-x without a table, or a table without msi-x",
                   at + offsetof(m::Device, msix_entries), has ? 1 : 0, d.msix_entries);
        }
        at_most(d.msix_entries, kMostMsixEntries, who + ": msix_entries", at + offsetof(m::Device, msix_entries));
        aligned(d.msix_offset, 8, who + ": msix_offset", at + offsetof(m::Device, msix_offset));
        if (!has) {
            equal(d.msix_offset, 0, who + ": msix_offset", at + offsetof(m::Device, msix_offset));
            return;
        }
        if (d.handles > d.msix_entries) {
            defect(DefectKind::out_of_range, who + ": more handles than msi-x entries",
                   at + offsetof(m::Device, handles), d.msix_entries, d.handles);
        }
        const bool own = d.msix_bar >= d.bars.first && d.msix_bar - d.bars.first < d.bars.count &&
                         d.msix_bar < manifest_.bars.size();
        if (!own) {
            defect(DefectKind::out_of_range, who + ": the bar of its msi-x table is not its own",
                   at + offsetof(m::Device, msix_bar), d.bars.first, d.msix_bar);
        } else if (!fits(d.msix_offset, 16ULL * d.msix_entries, manifest_.bars[d.msix_bar].memory.size)) {
            defect(DefectKind::out_of_range, who + ": its msi-x table leaves its bar",
                   at + offsetof(m::Device, msix_offset), manifest_.bars[d.msix_bar].memory.size,
                   d.msix_offset + 16ULL * d.msix_entries);
        }
    }

    void registers(const m::Device& d, const std::string& who, bool is_virtual) {
        const auto rules = manifest_.registers_of(d);
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const m::PciRegister& r = rules[i];
            const std::uint64_t at = h_.pci_registers.offset + (d.registers.first + i) * sizeof r;
            const std::string rule = who + ": configuration rule " + std::to_string(i);
            aligned(r.offset, 4, rule, at);
            if (i != 0 && r.offset <= rules[i - 1].offset) {
                defect(DefectKind::overlap, rule + " does not follow the one before it", at,
                       std::uint64_t{rules[i - 1].offset} + 4, r.offset);
            }
            at_most(static_cast<std::uint64_t>(r.answer), static_cast<std::uint64_t>(m::PciAnswer::msix_control),
                    rule + ": its answer", at + offsetof(m::PciRegister, answer));
            reserved(r.reserved0, rule + ": a byte behind bar", at + offsetof(m::PciRegister, reserved0));
            reserved(r.write_mask & r.one_clears, rule + ": a bit is both written and cleared by ones",
                     at + offsetof(m::PciRegister, one_clears));
            const bool is_bar = r.answer == m::PciAnswer::bar_low || r.answer == m::PciAnswer::bar_high;
            if (is_bar ? r.bar >= d.bars.count : r.bar != 0) {
                defect(DefectKind::out_of_range, rule + ": its bar", at + offsetof(m::PciRegister, bar), d.bars.count,
                       r.bar);
            }
            const bool reaches = r.answer == m::PciAnswer::hardware || r.answer == m::PciAnswer::msi_control ||
                                 r.answer == m::PciAnswer::msix_control;
            if (!reaches) {
                reserved(r.write_mask | r.one_clears | r.read_mask, rule + " reaches no hardware, yet has masks", at);
            }
            if (is_virtual && r.answer != m::PciAnswer::constant) {
                defect(DefectKind::wrong_value, rule + " of a virtual function is not constant",
                       at + offsetof(m::PciRegister, answer), 0, static_cast<std::uint64_t>(r.answer));
            }
        }
    }

    void bar(const m::Bar& b, std::size_t index) {
        const std::uint64_t at = h_.bars.offset + index * sizeof b;
        const std::string who = "bar " + std::to_string(index);
        reserved(b.reserved0, who + ": a field behind flags", at + offsetof(m::Bar, reserved0));
        reserved(b.flags & ~(m::kBar64 | m::kBarPrefetchable), who + ": flags", at + offsetof(m::Bar, flags));
        at_most(b.number, (b.flags & m::kBar64) != 0 ? m::kMaxBars - 2 : m::kMaxBars - 1, who + ": its number",
                at + offsetof(m::Bar, number));
        if (b.device >= manifest_.devices.size()) {
            defect(DefectKind::out_of_range, who + ": its device", at, manifest_.devices.size(), b.device);
        }
        if (!std::has_single_bit(b.memory.size) || b.memory.size < kPageSize) {
            defect(DefectKind::wrong_value, who + ": its size is no power of two from 4 kib on",
                   at + offsetof(m::Bar, memory), kPageSize, b.memory.size);
            return;
        }
        aligned(b.memory.base.value, b.memory.size, who + ": its place", at + offsetof(m::Bar, memory));
        aligned(b.gpa.value, b.memory.size, who + ": its guest side", at + offsetof(m::Bar, gpa));
        in_memory(b.memory.base.value, b.memory.size, who + ": its place", at + offsetof(m::Bar, memory));
        in_memory(b.gpa.value, b.memory.size, who + ": its guest side", at + offsetof(m::Bar, gpa));
        if ((b.flags & m::kBar64) == 0) {
            at_most(b.memory.base.value + (b.memory.size - 1), 0xFFFF'FFFF, who + " has 32 bits: its place",
                    at + offsetof(m::Bar, memory));
        }
    }

    void bridge(const m::Bridge& b, std::size_t index) {
        const std::uint64_t at = h_.bridges.offset + index * sizeof b;
        const std::string who = "bridge " + std::to_string(index);
        if (index != 0 && b.bdf <= manifest_.bridges[index - 1].bdf) {
            defect(DefectKind::overlap, who + " does not follow the one before it", at,
                   std::uint64_t{manifest_.bridges[index - 1].bdf} + 1, b.bdf);
        }
        equal(b.primary, b.bdf >> 8, who + ": its primary bus", at + offsetof(m::Bridge, primary));
        if (b.secondary <= b.primary || b.subordinate < b.secondary) {
            defect(DefectKind::wrong_value, who + ": its buses do not rise", at + offsetof(m::Bridge, secondary),
                   std::uint64_t{b.primary} + 1, b.secondary);
        }
        at_most(b.acs, 1, who + ": acs", at + offsetof(m::Bridge, acs));
        if (b.acs == 0 ? b.acs_at != 0 : (b.acs_at < kFirstExtended || b.acs_at % 4 != 0 || b.acs_at > 0xFF8)) {
            defect(DefectKind::out_of_range, who + ": acs_at", at + offsetof(m::Bridge, acs_at), kFirstExtended,
                   b.acs_at);
        }
        if (b.acs != 0 && h_.ecam.value == 0) {
            defect(DefectKind::wrong_value, who + ": its access control can't be reached without ecam",
                   at + offsetof(m::Bridge, acs), 0, b.acs);
        }
        for (const m::Range& window : {b.window, b.prefetchable}) { // PCI-to-PCI bridge 1.2 §3.2.5.8: whole MiB
            aligned(window.base.value | window.size, kMib, who + ": a window", at + offsetof(m::Bridge, window));
            in_memory(window.base.value, window.size, who + ": a window", at + offsetof(m::Bridge, window));
        }
        if (!fits(b.window.base.value, b.window.size, 1ULL << 32)) {
            defect(DefectKind::out_of_range, who + ": its plain window lies above 4 gib",
                   at + offsetof(m::Bridge, window), 1ULL << 32, b.window.base.value);
        }
    }

    Manifest& manifest_;
    const m::Header& h_;
};

} // namespace

void check_device_records(Manifest& manifest) {
    Checker(manifest).run();
}

} // namespace septum::verifier::decode
