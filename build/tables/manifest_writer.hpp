// SPDX-License-Identifier: Apache-2.0
// The manifest's records, gathered first, then written once (septum/manifest/manifest.hpp).
#pragma once

#include "build/tables/bytes.hpp"

#include <septum/manifest/manifest.hpp>

#include <vector>

namespace septum::build {

struct ManifestParts {
    manifest::Header header{}; // tables, sizes and the manifest's own digest are filled in by write_manifest()
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
};

// Bytes, whole pages.
[[nodiscard]] std::uint64_t manifest_size(const ManifestParts& parts);

// Writes into `out`, manifest_size() zeroed bytes, and seals it with its digest.
void write_manifest(const ManifestParts& parts, ByteSpan out);

} // namespace septum::build
