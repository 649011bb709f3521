// SPDX-License-Identifier: Apache-2.0
#include "build/tables/manifest_writer.hpp"

#include "build/tables/digest.hpp"

#include <type_traits>

namespace septum::build {
namespace {

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}

// One walk over the tables for sizing and writing.
template <typename Visit>
std::uint64_t visit_tables(const ManifestParts& parts, manifest::Header& header, const Visit& visit) {
    std::uint64_t at = round_up(sizeof(manifest::Header), 8);
    const auto table = [&](manifest::Table& record, const auto& records) {
        using Record = typename std::remove_cvref_t<decltype(records)>::value_type;
        static_assert(std::is_trivially_copyable_v<Record> && sizeof(Record) % 4 == 0);
        at = round_up(at, 8);
        record.offset = static_cast<std::uint32_t>(at);
        record.count = static_cast<std::uint32_t>(records.size());
        for (const Record& each : records) {
            visit(at, each);
            at += sizeof(Record);
        }
    };
    table(header.cpus, parts.cpus);
    table(header.partitions, parts.partitions);
    table(header.regions, parts.regions);
    table(header.payloads, parts.payloads);
    table(header.channels, parts.channels);
    table(header.ports, parts.ports);
    table(header.msrs, parts.msrs);
    table(header.cpuid, parts.cpuid);
    table(header.facts, parts.facts);
    table(header.ram, parts.ram);
    table(header.devices, parts.devices);
    table(header.bars, parts.bars);
    table(header.pci_registers, parts.pci_registers);
    table(header.bridges, parts.bridges);
    return round_up(at, kPageSize);
}

} // namespace

std::uint64_t manifest_size(const ManifestParts& parts) {
    manifest::Header unused{};
    return visit_tables(parts, unused, [](std::uint64_t, const auto&) {});
}

void write_manifest(const ManifestParts& parts, ByteSpan out) {
    manifest::Header header = parts.header;
    header.magic = manifest::kMagic;
    header.version = manifest::kVersion;
    header.manifest_digest = {};
    const std::uint64_t size =
        visit_tables(parts, header, [&](std::uint64_t at, const auto& record) { store(out, at, record); });
    header.manifest_size = static_cast<std::uint32_t>(size);
    store(out, 0, header);
    header.manifest_digest = sha256(ByteView(out));
    store(out, 0, header);
}

} // namespace septum::build
