// SPDX-License-Identifier: Apache-2.0
#include "verifier/facts/partition.hpp"

#include "verifier/facts/sha256.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>

namespace septum::verifier {

namespace {

using decode::DefectKind;

// The tables a native guest is entered with lie in its first megabyte (septum/guest/board.hpp), a Linux guest's too.
constexpr std::uint64_t kEntryTablesLimit = 0x10'0000;
constexpr std::size_t kMaxPayloads = 1024;

std::vector<decode::GuestMemory::Segment> read_payloads(const decode::Manifest& manifest, ByteSpan bundle,
                                                        PartitionFacts& facts) {
    std::vector<decode::GuestMemory::Segment> segments;
    Sha256 all;
    const std::uint64_t first = std::uint64_t{manifest.header.tables_offset} + manifest.header.tables_size;
    std::uint64_t bytes_left = bundle.size(); // more only if segments overlap, which no plan asks for
    for (const manifest::Payload& record : manifest.payloads_of(facts.record)) {
        if (facts.payloads.size() >= kMaxPayloads || record.size > bytes_left) {
            facts.defects.add(DefectKind::too_much, "the payloads of `" + facts.name + "` are more than can be read",
                              record.offset, bytes_left, record.size);
            break;
        }
        bytes_left -= record.size;
        PayloadFact payload;
        payload.offset = record.offset;
        payload.size = record.size;
        payload.gpa = record.gpa.value;
        payload.hpa = record.hpa.value;
        const auto bytes = decode::slice(bundle, record.offset, record.size);
        payload.in_bundle = bytes.has_value() && record.offset >= first;
        if (payload.in_bundle) {
            all.add(*bytes);
            segments.push_back({payload.gpa, *bytes});
        }
        facts.payloads.push_back(payload);
    }
    facts.payload_digest = {facts.record.payload_digest, all.finish()};
    return segments;
}

void check_pointers(const std::string& of, PartitionFacts& facts) {
    const auto same = [&](const decode::Vmcb& vmcb, const char* which, const char* field, std::uint64_t offset,
                          std::uint64_t expected, std::uint64_t found) {
        if (vmcb.readable && expected != found) {
            facts.defects.add(DefectKind::wrong_value,
                              std::string("the ") + which + of + ": " + field + " is not what the manifest says",
                              vmcb.address + offset, expected, found);
        }
    };
    for (const decode::Vmcb* vmcb : {&facts.vmcb_boot, &facts.vmcb_ap}) {
        const char* which = vmcb == &facts.vmcb_boot ? "boot vmcb" : "vmcb of other cpus";
        same(*vmcb, which, "n_cr3", 0x0B0, facts.record.npt_root.value, vmcb->nested_cr3);
        same(*vmcb, which, "iopm_base_pa", 0x040, facts.record.iopm.value, vmcb->iopm_base);
        same(*vmcb, which, "msrpm_base_pa", 0x048, facts.record.msrpm.value, vmcb->msrpm_base);
        same(*vmcb, which, "guest_asid", 0x058, facts.record.asid, vmcb->asid);
    }
}

void read_guest(const decode::GuestMemory& memory, const std::string& of, PartitionFacts& facts) {
    const auto report = [&](const std::vector<config::Diagnostic>& diagnostics, std::uint64_t at) {
        for (const config::Diagnostic& diagnostic : diagnostics) {
            facts.defects.add(DefectKind::wrong_value, diagnostic.message, at, 0, 0);
        }
    };
    facts.info = decode::decode_guest_info(memory, guest::kInfoBase, "the guest information" + of);
    if (facts.info) {
        facts.defects.append(facts.info->defects);
    }
    if (facts.record.boot == manifest::BootKind::pvh || facts.record.boot == manifest::BootKind::multiboot) {
        const bool pvh = facts.record.boot == manifest::BootKind::pvh;
        auto info = pvh ? decode::decode_pvh_info(memory, facts.record.entry_rbx, "the start info" + of)
                        : decode::decode_multiboot_info(memory, facts.record.entry_rbx, "the boot information" + of);
        report(info.diagnostics, facts.record.entry_rbx);
        facts.boot_info = std::move(info.value);
        const std::uint64_t rsdp = pvh && facts.boot_info ? facts.boot_info->rsdp : guest::kAcpiBase;
        auto acpi = decode::decode_acpi(memory, rsdp, "acpi" + of);
        report(acpi.diagnostics, guest::kAcpiBase);
        facts.acpi = std::move(acpi.value);
        if (facts.boot_info) {
            facts.defects.append(facts.boot_info->defects);
        }
        if (facts.acpi) {
            facts.defects.append(facts.acpi->defects);
        }
    }
    if (facts.record.boot == manifest::BootKind::linux) {
        auto params = decode::decode_linux_params(memory, facts.record.entry_rsi, "the zero page" + of);
        report(params.diagnostics, facts.record.entry_rsi);
        facts.linux_params = std::move(params.value);
        auto acpi = decode::decode_acpi(memory, facts.linux_params ? facts.linux_params->acpi_rsdp : 0, "acpi" + of);
        report(acpi.diagnostics, guest::kAcpiBase);
        facts.acpi = std::move(acpi.value);
        if (facts.linux_params) {
            facts.defects.append(facts.linux_params->defects);
        }
        if (facts.acpi) {
            facts.defects.append(facts.acpi->defects);
        }
    }
    const std::uint64_t root = facts.vmcb_boot.cr3;
    constexpr std::uint64_t kPaging = 1ULL << 31;
    if (facts.vmcb_boot.readable && (facts.vmcb_boot.cr0 & kPaging) != 0 && root < kEntryTablesLimit) {
        const auto low = memory.read(0, kEntryTablesLimit);
        if (low) {
            decode::PageTableRules rules;
            rules.nested = false;
            rules.sealed = false; // in the guest's own memory: it may write there
            rules.pat = facts.vmcb_boot.g_pat;
            const decode::HostMemory view{0, *low, 0, low->size()};
            facts.entry_tables = decode::decode_page_table(view, root, rules, "the entry page tables" + of);
        }
    }
}

} // namespace

PartitionFacts read_partition(const decode::Manifest& manifest, const manifest::Partition& record,
                              const decode::HostMemory& memory, const ReadOptions& options) {
    PartitionFacts facts;
    facts.name = decode::text(record.name);
    facts.record = record;
    const auto cpus = manifest.cpus_of(record);
    const auto regions = manifest.regions_of(record);
    const auto ports = manifest.ports_of(record);
    const auto msrs = manifest.msrs_of(record);
    const auto cpuid = manifest.cpuid_of(record);
    facts.cpus.assign(cpus.begin(), cpus.end());
    facts.regions.assign(regions.begin(), regions.end());
    facts.port_rules.assign(ports.begin(), ports.end());
    facts.msr_rules.assign(msrs.begin(), msrs.end());
    facts.cpuid_rules.assign(cpuid.begin(), cpuid.end());

    const std::string of = " of `" + facts.name + "`";
    decode::PageTableRules rules;
    rules.physical_address_bits = options.physical_address_bits;
    rules.pages_1g = options.pages_1g;
    rules.most_intervals = options.most_intervals;
    facts.npt = decode::decode_page_table(memory, record.npt_root.value, rules, "the nested page tables" + of);
    facts.reach_by_host = decode::by_host(facts.npt.intervals);
    facts.iopm = decode::decode_iopm(memory, record.iopm.value, "the i/o permission map" + of);
    facts.msrpm = decode::decode_msrpm(memory, record.msrpm.value, "the msr permission map" + of);
    facts.vmcb_boot = decode::decode_vmcb(memory, record.vmcb_boot.value, "the boot vmcb" + of);
    facts.vmcb_ap = decode::decode_vmcb(memory, record.vmcb_ap.value, "the vmcb of other cpus" + of);
    for (const Defects* found : {&facts.npt.defects, &facts.iopm.defects, &facts.msrpm.defects,
                                 &facts.vmcb_boot.defects, &facts.vmcb_ap.defects}) {
        facts.defects.append(*found);
    }
    check_pointers(of, facts);

    facts.table_pages = facts.npt.tables;
    const auto pages = [&](std::uint64_t base, std::uint64_t size) {
        for (std::uint64_t at = 0; at < size; at += kPageSize) {
            facts.table_pages.push_back((base & ~(kPageSize - 1)) + at);
        }
    };
    pages(record.iopm.value, decode::kIopmSize);
    pages(record.msrpm.value, decode::kMsrpmSize);
    pages(record.vmcb_boot.value, kPageSize);
    pages(record.vmcb_ap.value, kPageSize);
    std::sort(facts.table_pages.begin(), facts.table_pages.end());
    facts.table_pages.erase(std::unique(facts.table_pages.begin(), facts.table_pages.end()), facts.table_pages.end());

    const decode::GuestMemory initial(read_payloads(manifest, memory.bytes, facts));
    read_guest(initial, of, facts);
    return facts;
}

} // namespace septum::verifier
