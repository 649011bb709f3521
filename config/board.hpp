// SPDX-License-Identifier: Apache-2.0
// What is true of a machine, as its board file states it. The kernel checks each of these before it launches anything.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace septum::config {

enum class Vendor : std::uint8_t { amd, intel };
enum class Apic : std::uint8_t { x2apic, xapic };
enum class BoardIommu : std::uint8_t { none, vt_d };

struct BoardCpu {
    Spanned<std::uint32_t> apic_id; // 0 .. 254
    std::uint32_t core = 0;         // CPUs with the same core number are SMT siblings
};

struct BoardMemory { // usable RAM that Septum may plan in, host-physical
    Spanned<std::uint64_t> base;
    Spanned<std::uint64_t> size;
};

struct BoardPciFunction {
    Spanned<std::string> name;
    std::uint16_t bdf = 0; // bus << 8 | device << 3 | function
    Span bdf_span;
    std::uint16_t vendor = 0;
    std::uint16_t device = 0;
};

struct BoardIommuUnit {
    BoardIommu kind = BoardIommu::none;
    Spanned<std::uint64_t> registers; // host-physical MMIO page
};

// How `septum run` starts this board in QEMU; absent for boards that are real machines.
struct BoardQemu {
    std::string machine; // -M
    std::string cpu;     // -cpu
    std::uint64_t memory_mib = 0;
    std::vector<std::string> devices; // -device, in order
    std::string minimum_version;      // "9.0"; empty: any
};

struct Board {
    Spanned<std::string> name;
    Vendor vendor = Vendor::amd;
    Spanned<Apic> apic;
    std::uint32_t physical_address_bits = 0; // 36 .. 52
    std::uint64_t microcode_floor = 0;       // MSR 0x8B at least this
    Spanned<std::uint64_t> trampoline;       // a free page below 1 MiB
    std::uint16_t console_port = 0x3F8;      // the physical 16550
    std::vector<BoardCpu> cpus;              // in the file's order; CPU number = position
    std::vector<BoardMemory> memory;         // sorted by base, disjoint
    std::vector<BoardPciFunction> pci;       // every function present; sorted by bdf
    BoardIommuUnit iommu;
    bool huge_pages_1g = false;              // CPUID 8000_0001 EDX[26]
    bool has_qemu = false;
    BoardQemu qemu;
};

} // namespace septum::config
