// SPDX-License-Identifier: Apache-2.0
// A machine as its firmware and its Linux describe it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace septum::probe {

using Bytes = std::vector<std::uint8_t>;

// Half-open, host-physical.
struct Range {
    std::uint64_t base = 0;
    std::uint64_t end = 0;
};

struct Cpu {
    std::uint32_t apic = 0;
    std::uint32_t core = 0;    // siblings have the same
    std::uint32_t package = 0; // processor package, from 0 in the order they are met
    std::uint32_t node = 0;    // NUMA
};

enum class UnitKind : std::uint8_t { none, vt_d, amd_vi };

struct Unit { // one IOMMU
    UnitKind kind = UnitKind::none;
    std::uint64_t registers = 0;       // 0: not seen
    std::optional<std::uint16_t> bdf;  // AMD-Vi: its own function
    std::optional<std::uint64_t> cap;  // VT-d CAP_REG
    std::optional<std::uint64_t> ecap; // VT-d ECAP_REG; AMD-Vi: the extended feature register
    std::uint64_t version = 0x10;      // VT-d VER_REG
};

struct Reserved { // memory that firmware wants kept for devices
    Range range;
    std::vector<std::uint16_t> devices; // bdf
};

struct Bar {
    std::uint8_t number = 0;
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    bool is_64 = false;
    bool prefetchable = false;
};

struct Function {
    std::uint16_t bdf = 0;
    Bytes config;                // 64 bytes without root, 256 or 4096 with it
    std::vector<Bar> bars;       // memory BARs
    std::optional<Range> window; // bridges: Linux's last two resources of a window
    std::optional<Range> prefetchable;
    std::optional<std::uint32_t> group;
};

// Something that could not be seen, and how it can be.
struct Missing {
    std::string what;
    std::string help;
};

struct Machine {
    bool amd = true;
    bool x2apic = false;
    bool pages_1g = false;
    std::uint32_t physical_bits = 0;
    std::uint64_t microcode = 0;
    std::vector<Cpu> cpus;
    std::vector<Range> memory; // usable RAM, sorted
    std::string memory_from;   // the file that said so
    std::vector<Unit> units;
    std::vector<Reserved> reserved;
    std::optional<std::uint64_t> ecam;
    std::vector<Function> functions; // sorted by bdf
    std::vector<Missing> missing;
};

// Reads /proc and /sys below `root`. Never throws; what cannot be read is in `missing`.
[[nodiscard]] Machine look(const std::filesystem::path& root);

// A board file, with comments on where each fact is from. The same machine gives the same text.
[[nodiscard]] std::string board_file(const Machine& machine, const std::string& name);

} // namespace septum::probe
