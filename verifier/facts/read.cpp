// SPDX-License-Identifier: Apache-2.0
#include "verifier/facts/coverage.hpp"
#include "verifier/facts/facts.hpp"
#include "verifier/facts/partition.hpp"
#include "verifier/facts/sha256.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace septum::verifier {

namespace {

config::Outcome<Facts> failed(std::vector<config::Diagnostic> diagnostics) {
    config::Outcome<Facts> outcome;
    outcome.diagnostics = std::move(diagnostics);
    return outcome;
}

void read_digests(ByteSpan bundle, Facts& facts) {
    const manifest::Header& h = facts.manifest.header;
    BundleFacts& b = facts.bundle;
    b.bytes = bundle;
    b.size = bundle.size();
    b.place = {h.bundle_base.value, bundle.size()};
    b.manifest = {h.bundle_base.value, h.manifest_size};
    b.tables = {h.bundle_base.value + h.tables_offset, h.tables_size};
    const std::uint64_t rest = std::uint64_t{h.tables_offset} + h.tables_size;
    b.payloads = {h.bundle_base.value + rest, bundle.size() - rest};
    if (!facts.image) { // an image's digest is that of all its bytes
        b.digest = sha256(bundle);
    }
    b.tables_digest = {h.tables_digest, sha256(bundle.subspan(h.tables_offset, h.tables_size))};

    // The digest's own field counts as zeros.
    constexpr std::size_t field = offsetof(manifest::Header, manifest_digest);
    constexpr std::array<std::uint8_t, sizeof(manifest::Digest)> zeros{};
    Sha256 own;
    own.add(bundle.first(field));
    own.add(zeros);
    own.add(bundle.subspan(field + zeros.size(), h.manifest_size - field - zeros.size()));
    b.manifest_digest = {h.manifest_digest, own.finish()};

    Sha256 loaded;
    for (const decode::ElfSegment& segment : facts.kernel.elf.segments) {
        if ((segment.flags & decode::kElfWrite) == 0) {
            loaded.add(segment.bytes);
        }
    }
    b.kernel_digest = {h.kernel_digest, loaded.finish()};
    b.kernel_file_digest = {h.kernel_file_digest, facts.kernel.file_digest};
}

void read_kernel(const decode::HostMemory& memory, const ReadOptions& options, Facts& facts) {
    const manifest::Header& h = facts.manifest.header;
    KernelFacts& k = facts.kernel;
    k.place = {h.kernel.base.value, h.kernel.size};
    k.workspace = {h.workspace.base.value, h.workspace.size};
    k.trampoline = h.trampoline.value;
    decode::PageTableRules rules;
    rules.nested = false;
    rules.physical_address_bits = options.physical_address_bits;
    rules.pages_1g = options.pages_1g;
    k.page_table = decode::decode_page_table(memory, h.kernel_page_tables.value, rules, "the kernel's page tables");
    k.by_host = decode::by_host(k.page_table.intervals);
    for (std::uint32_t i = 0; i < facts.manifest.cpus.size(); ++i) {
        const std::uint64_t block = facts.manifest.cpus[i].block.value;
        for (const std::uint64_t offset : {layout::CpuBlock::kStackGuard, layout::CpuBlock::kFaultGuard}) {
            const std::uint64_t at = block + offset;
            // The first interval that ends behind the guard's first byte.
            const auto& all = k.page_table.intervals;
            const auto it = std::partition_point(all.begin(), all.end(), [at](const Interval& interval) {
                return interval.gpa + (interval.size - 1) < at;
            });
            k.guards.push_back({i, at, it != all.end() && (it->gpa <= at || it->gpa - at < kPageSize)});
        }
    }
}

// AMD-Vi interrupt table entries have 128 bits where the unit has x2APIC support (48882 §2.2.5.2, extended feature
// XTSup).
constexpr std::uint64_t kExtendedInterrupts = 1 << 2;

void read_devices(const decode::HostMemory& memory, const ReadOptions& options, Facts& facts) {
    const manifest::Iommu& record = facts.manifest.header.iommu;
    DeviceFacts& d = facts.devices;
    d.record = record;
    d.present = record.kind == manifest::IommuKind::vt_d || record.kind == manifest::IommuKind::amd_vi;
    if (record.kind == manifest::IommuKind::vt_d) {
        d.dma = decode::decode_vtd(memory, record.root_table.value, options.physical_address_bits, "the iommu");
        d.interrupts = decode::decode_interrupt_table(memory, record.interrupt_table.value,
                                                      record.interrupt_table_entries, "the interrupt remapping table");
        d.routes.push_back(
            {0, 0xFFFF, d.interrupts.readable ? decode::InterruptState::remapped : decode::InterruptState::unknown, 0});
        d.interrupt_pages = d.interrupts.tables;
    } else if (record.kind == manifest::IommuKind::amd_vi) {
        const bool wide = (record.capability & record.capability_mask & kExtendedInterrupts) != 0;
        decode::AmdViTables tables =
            decode::decode_amd_vi(memory, record.root_table.value, options.physical_address_bits, wide, "the iommu");
        d.dma = std::move(tables.dma);
        d.routes = std::move(tables.interrupts);
        d.interrupt_tables = std::move(tables.tables);
        d.interrupt_pages = std::move(tables.interrupt_pages);
    } else {
        // No table that these decoders know stands between devices and memory.
        d.dma.requesters.push_back({0, 0xFFFF, decode::DmaState::unknown, 0});
        d.routes.push_back({0, 0xFFFF, decode::InterruptState::unknown, 0});
    }
    d.written_pages = d.interrupt_pages;
    d.written_pages.insert(d.written_pages.end(), d.dma.deciding.begin(), d.dma.deciding.end());
    std::sort(d.written_pages.begin(), d.written_pages.end());
    d.written_pages.erase(std::unique(d.written_pages.begin(), d.written_pages.end()), d.written_pages.end());
}

void gather_defects(Facts& facts) {
    if (facts.image) {
        facts.defects.append(facts.image->defects);
        facts.defects.append(facts.image->grub.defects);
        for (const ImageProgram& each : facts.image->programs) {
            if (each.program) {
                facts.defects.append(each.program->defects);
            }
        }
    }
    facts.defects.append(facts.manifest.defects);
    facts.defects.append(facts.kernel.elf.defects);
    facts.defects.append(facts.kernel.page_table.defects);
    for (const PartitionFacts& partition : facts.partitions) {
        facts.defects.append(partition.defects);
    }
    facts.defects.append(facts.devices.dma.defects);
    facts.defects.append(facts.devices.interrupts.defects);
}

config::Outcome<Facts> read(ByteSpan kernel, ByteSpan bundle, const ReadOptions& options,
                            std::optional<ImageFacts> image) {
    Facts facts;
    facts.image = std::move(image);
    auto elf = decode::decode_elf(kernel);
    auto manifest = decode::decode_manifest(bundle);
    if (!elf.ok() || !manifest.ok()) {
        std::vector<config::Diagnostic> all = std::move(elf.diagnostics);
        all.insert(all.end(), manifest.diagnostics.begin(), manifest.diagnostics.end());
        return failed(std::move(all));
    }
    facts.kernel.elf = std::move(*elf.value);
    facts.kernel.file_digest = sha256(kernel);
    facts.manifest = std::move(*manifest.value);

    const manifest::Header& h = facts.manifest.header;
    const decode::HostMemory memory{h.bundle_base.value, bundle, h.bundle_base.value + h.tables_offset, h.tables_size};
    read_digests(bundle, facts);
    read_kernel(memory, options, facts);
    ReadOptions left = options; // partitions may share their tables: what each makes of them is bounded together
    for (const manifest::Partition& record : facts.manifest.partitions) {
        facts.partitions.push_back(read_partition(facts.manifest, record, memory, left));
        left.most_intervals -= facts.partitions.back().npt.intervals.size();
    }
    read_devices(memory, options, facts);
    gather_defects(facts);
    find_coverage(bundle, facts);

    config::Outcome<Facts> outcome;
    outcome.value = std::move(facts);
    return outcome;
}

double since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

config::Outcome<Facts> read_bundle(ByteSpan kernel, ByteSpan bundle, const ReadOptions& options) {
    const auto start = std::chrono::steady_clock::now();
    auto outcome = read(kernel, bundle, options, std::nullopt);
    if (outcome.value) {
        outcome.value->seconds = since(start);
    }
    return outcome;
}

config::Outcome<Facts> read_image(ByteSpan bytes, const ReadOptions& options) {
    const auto start = std::chrono::steady_clock::now();
    auto opened = open_image(bytes);
    if (!opened.ok()) {
        return failed(std::move(opened.diagnostics));
    }
    ImageFacts image = std::move(*opened.value);
    image.digest = sha256(bytes);
    const ByteSpan kernel = image.kernel;
    const ByteSpan bundle = image.bundle;
    auto outcome = read(kernel, bundle, options, std::move(image));
    if (outcome.value) {
        outcome.value->seconds = since(start);
    }
    return outcome;
}

} // namespace septum::verifier
