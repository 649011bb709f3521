// SPDX-License-Identifier: Apache-2.0
// What is true of a machine, as its board file states it. The kernel checks each of these before it launches anything.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace septum::config {

enum class Vendor : std::uint8_t { amd, intel };
enum class Apic : std::uint8_t { x2apic, xapic };
enum class BoardIommu : std::uint8_t { none, vt_d, amd_vi };
enum class DeviceReset : std::uint8_t { none, flr, af_flr, power, bus };

struct BoardCpu {
    Spanned<std::uint32_t> apic_id; // 0 .. 254
    std::uint32_t core = 0;         // CPUs with the same core number are SMT siblings
    std::uint32_t package = 0;      // CPUs with the same number are in one processor package; all have equally many
};

struct BoardMemory { // usable RAM that Septum may plan in, host-physical
    Spanned<std::uint64_t> base;
    Spanned<std::uint64_t> size;
};

// A memory BAR as firmware or our boot part programs it. I/O BARs are not granted and need not be listed.
struct BoardBar {
    std::uint8_t number = 0;     // 0 .. 5
    Spanned<std::uint64_t> base; // host-physical, a multiple of its size
    Spanned<std::uint64_t> size; // bytes: a power of two, at least 4 KiB
    bool is_64 = false;
    bool prefetchable = false;
};

struct BoardMsi {             // PCI 3.0 §6.8.1
    std::uint8_t at = 0;      // offset of the capability; 0: none
    std::uint8_t vectors = 0; // 1, 2, 4 … 32
    bool is_64 = false;
    bool maskable = false;
};

struct BoardMsix {             // PCI 3.0 §6.8.2
    std::uint8_t at = 0;       // 0: none
    std::uint16_t entries = 0; // 1 .. 2048
    std::uint8_t table_bar = 0;
    std::uint32_t table_offset = 0; // bytes, a multiple of 8
    std::uint8_t pba_bar = 0;
    std::uint32_t pba_offset = 0;
};

// Any other capability in configuration space: shown read-only to the owner.
struct BoardCapability {
    std::uint8_t at = 0;
    std::uint8_t id = 0;
    std::uint8_t size = 0; // bytes, id and next included
};

struct BoardBridge {
    std::uint8_t secondary = 0;
    std::uint8_t subordinate = 0;
    std::uint16_t acs_at = 0;                       // offset of Access Control Services in extended space; 0: none
    std::uint64_t window_base = 0, window_size = 0; // non-prefetchable; size 0: closed
    std::uint64_t prefetchable_base = 0, prefetchable_size = 0;
};

struct BoardPciFunction {
    Spanned<std::string> name;
    Span span;             // the whole entry
    std::uint16_t bdf = 0; // bus << 8 | device << 3 | function
    Span bdf_span;
    std::uint16_t vendor = 0;
    std::uint16_t device = 0;
    std::uint32_t class_code = 0; // class << 16 | subclass << 8 | interface; 0: not stated
    std::vector<BoardBar> bars;   // by number
    BoardMsi msi;
    BoardMsix msix;
    std::uint8_t pcie_at = 0;                  // PCI Express capability, 0: none
    std::uint8_t power_at = 0;                 // power management capability, 0: none
    std::vector<BoardCapability> capabilities; // others, by offset
    DeviceReset reset = DeviceReset::none;
    Span reset_span;
    Spanned<std::uint32_t> group; // functions of one group cannot be kept apart; unique per function unless written
    bool is_bridge = false;
    BoardBridge bridge;
    bool assignable = false; // states all that assigning takes: class and BARs
};

// Memory that firmware told the IOMMU to keep mapped for devices (VT-d RMRR, AMD IVMD).
struct BoardReserved {
    Spanned<std::uint64_t> base;
    std::uint64_t size = 0;
    std::vector<Spanned<std::string>> devices; // names
    bool declared = false; // `accept: true`: whoever writes the file knows, and the device is granted without it
};

struct BoardIommuUnit {
    BoardIommu kind = BoardIommu::none;
    Spanned<std::uint64_t> registers;             // host-physical MMIO page
    std::uint8_t address_bits = 39;               // VT-d: 39 or 48; AMD-Vi: 48
    std::uint64_t largest_page = 4096;            // 4 KiB, 2 MiB or 1 GiB
    std::uint64_t version = 0x10;                 // VT-d VER_REG
    bool extended_interrupts = false;             // VT-d EIM, AMD-Vi XTSup: destinations of 32 bits
    std::optional<Spanned<std::string>> function; // AMD-Vi: name of its own PCI function in `pci`
    std::vector<BoardReserved> reserved;
};

struct BoardWatchdog {
    Spanned<std::uint64_t> hpet;            // host-physical registers
    std::uint8_t comparator = 0;            // one with FSB delivery
    std::optional<std::uint16_t> requester; // requester id of its messages; none: they do not pass the IOMMU
};

struct BoardDisk {
    std::string name;
    std::uint64_t mib = 0;
};

// How `septum run` starts this board in QEMU; absent for boards that are real machines.
struct BoardQemu {
    std::string machine; // -M
    std::string cpu;     // -cpu
    std::uint64_t memory_mib = 0;
    std::vector<BoardDisk> disks;      // raw files of this size, kept between runs: -drive if=none,id=NAME
    std::vector<std::string> networks; // QEMU's user network, each its own: -netdev user,id=NAME
    std::vector<std::string> devices;  // -device, in order
    std::string minimum_version;       // "9.0"; empty: any
    std::vector<std::string> globals;  // -global, in order
};

struct Board {
    Spanned<std::string> name;
    Spanned<Vendor> vendor;
    Spanned<Apic> apic;
    std::uint32_t physical_address_bits = 0; // 36 .. 52
    std::uint64_t microcode_floor = 0;       // MSR 0x8B at least this
    Spanned<std::uint64_t> trampoline;       // a free page below 1 MiB
    std::uint16_t console_port = 0x3F8;      // the physical 16550
    std::vector<BoardCpu> cpus;              // in the file's order; CPU number = position
    std::vector<BoardMemory> memory;         // sorted by base, disjoint
    std::vector<BoardPciFunction> pci;       // every function present; sorted by bdf
    BoardIommuUnit iommu;
    std::optional<BoardWatchdog> watchdog;
    std::optional<Spanned<std::uint64_t>> ecam; // PCI Express configuration space as memory
    bool huge_pages_1g = false;                 // CPUID 8000_0001 EDX[26]
    bool has_qemu = false;
    BoardQemu qemu;
};

} // namespace septum::config
