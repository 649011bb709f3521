// SPDX-License-Identifier: Apache-2.0
// The manifest's records, copied out of the bundle with every offset, count and slice checked. The format is our own
// (septum/manifest/manifest.hpp); what it promises is only claims until the tables are decoded.
#pragma once

#include "verifier/decode/bytes.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::verifier::decode {

struct Manifest {
    manifest::Header header{};
    std::vector<manifest::Cpu> cpus;
    std::vector<manifest::Partition> partitions;
    std::vector<manifest::Region> regions;
    std::vector<manifest::Payload> payloads;
    std::vector<manifest::Channel> channels;
    std::vector<manifest::PortRule> ports;
    std::vector<manifest::MsrRule> msrs;
    std::vector<manifest::CpuidRule> cpuid;
    std::vector<manifest::Fact> facts;
    std::vector<manifest::Range> ram;
    std::vector<manifest::Device> devices;
    std::vector<manifest::Bar> bars;
    std::vector<manifest::PciRegister> pci_registers;
    std::vector<manifest::Bridge> bridges;
    Defects defects; // address: offset in the bundle

    // The records of a slice; what lies outside the table is left out (and is in `defects`).
    [[nodiscard]] std::span<const manifest::Region> regions_of(const manifest::Partition& p) const;
    [[nodiscard]] std::span<const manifest::Payload> payloads_of(const manifest::Partition& p) const;
    [[nodiscard]] std::span<const manifest::PortRule> ports_of(const manifest::Partition& p) const;
    [[nodiscard]] std::span<const manifest::MsrRule> msrs_of(const manifest::Partition& p) const;
    [[nodiscard]] std::span<const manifest::CpuidRule> cpuid_of(const manifest::Partition& p) const;
    [[nodiscard]] std::span<const manifest::Cpu> cpus_of(const manifest::Partition& p) const;
    [[nodiscard]] std::span<const manifest::Device> devices_of(const manifest::Partition& p) const;
    [[nodiscard]] std::span<const manifest::Bar> bars_of(const manifest::Device& d) const;
    [[nodiscard]] std::span<const manifest::PciRegister> registers_of(const manifest::Device& d) const;
};

// What devices, BARs, configuration rules, bridges, the IOMMU, watchdog, event log and crash record say, checked one by
// one and against each other. Part of decode_manifest.
void check_device_records(Manifest& manifest);

// A fixed-size name up to its terminating zero (all 32 bytes when there is none: a defect of the manifest).
[[nodiscard]] std::string text(const char (&name)[manifest::kNameSize]);

// Errors: no header, magic or version unknown, a table that lies outside the manifest, bundle_size that is not the
// bundle's. Defects: reserved fields set, names unterminated, slices that overlap or leave their table, rules unsorted,
// limits exceeded, stray bytes.
[[nodiscard]] config::Outcome<Manifest> decode_manifest(ByteSpan bundle);

} // namespace septum::verifier::decode
