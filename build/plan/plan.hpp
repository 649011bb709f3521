// SPDX-License-Identifier: Apache-2.0
// The plan: where everything lies on the board. Made from the model alone, deterministically: the same model gives
// the same plan, whatever the order of its file.
#pragma once

#include "config/model.hpp"

#include <septum/manifest/manifest.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace septum::build {

struct PlannedCpu {
    std::uint32_t board_cpu = 0; // number in the board file
    std::uint32_t apic_id = 0;
    std::uint16_t partition = 0; // index into Plan::partitions, or manifest::kNobody
    std::uint16_t vcpu = 0;      // number inside the partition; 0 boots
    Hpa block;                   // layout::CpuBlock
};

struct PlannedPartition {
    std::string name;
    std::uint32_t asid = 0; // ≥ 1
    std::uint16_t first_cpu = 0;
    std::uint16_t cpu_count = 0;
    manifest::Range ram{};                 // host-physical, one stretch
    std::vector<manifest::Region> regions; // sorted by gpa
    bool pci_bus = false;                  // sees a PCI bus: its virtual host bridge, and what it owns
    Hpa block;                             // layout::PartitionBlock
};

struct PlannedChannel {
    std::string name;
    manifest::Range memory{};
    std::uint16_t writer = 0;
    std::uint16_t reader = 0;
    Gpa writer_gpa;
    Gpa reader_gpa;
    bool doorbell = false;
    std::uint8_t vector = 0;      // 0: the reader polls
    std::uint16_t reader_cpu = 0; // index into Plan::cpus
};

struct PlannedBar {
    std::uint8_t number = 0;
    Gpa gpa;
    manifest::Range memory{};
};

// A PCI function that a partition owns. The partition's virtual host bridge is not planned: it is always at 00:00.0.
struct PlannedDevice {
    std::string name;
    std::size_t function = 0; // index into Board::pci
    std::uint16_t bdf = 0;    // on the board
    std::uint16_t partition = 0;
    std::uint16_t virtual_bdf = 0;
    std::uint16_t domain = 0;       // ≥ 1
    std::uint32_t first_handle = 0; // VT-d: into the interrupt table; AMD-Vi: 0
    std::uint32_t handles = 0;
    std::vector<PlannedBar> bars; // by number
    Hpa block;                    // layout::DeviceBlock
};

struct Plan {
    std::string name;
    std::string board;
    manifest::Range kernel{};
    manifest::Range workspace{};
    manifest::Range bundle{};
    Hpa trampoline;
    std::vector<PlannedCpu> cpus;             // every CPU of the board, sorted by (partition, vcpu)
    std::vector<PlannedPartition> partitions; // in name order, as in the model
    std::vector<PlannedChannel> channels;     // in name order, as in the model
    std::vector<PlannedDevice> devices;       // by (partition, virtual_bdf)
    Hpa iommu_block;                          // layout::IommuBlock; 0: the board has no unit
    std::uint32_t fault_apic_id = 0;          // the CPU that IOMMU faults and the watchdog reach
    manifest::Range event_log{};              // size 0: nobody reads one
    Hpa crash_record;
    bool watched = false;                // a partition promises a heartbeat: the kernel uses the board's watchdog
    std::uint32_t watchdog_apic_id = 0;  // the CPU that its NMI reaches
    std::uint32_t watchdog_handle = ~0U; // VT-d: its entry of the interrupt table, behind the devices'; ~0: none
};

// Places CPUs, guest RAM, channels and the kernel's workspace; all but the bundle, whose size depends on these places.
// `kernel` is what the kernel image covers, from layout::kKernelBase on. Errors: what is pinned badly or does not fit.
[[nodiscard]] config::Outcome<Plan> place(const config::Model& model, manifest::Range kernel);

// Places the bundle in what is left. `size_of` tells how many bytes the bundle needs, given the plan with a proposed
// bundle range: the kernel's page tables map the bundle, and so their size depends a little on where it lies.
// Returns false and adds a diagnostic when no hole is large enough.
[[nodiscard]] bool place_bundle(Plan& plan, const config::Model& model,
                                const std::function<std::uint64_t(const Plan&)>& size_of,
                                std::vector<config::Diagnostic>& diagnostics);

// Everything planned, host-physical, sorted by base, disjoint: what the machine must have as usable RAM.
struct NamedRange {
    manifest::Range range{};
    std::string what; // "kernel", "workspace", "bundle", "ram of `x`", "channel `y`", "event log", "crash record"
};
[[nodiscard]] std::vector<NamedRange> planned_ranges(const Plan& plan);

// septum.lock: the plan as text, one fact a line, ends with a newline.
[[nodiscard]] std::string lock_text(const Plan& plan);

// "64 KiB", "3 GiB": the largest unit that divides `bytes` without a rest; "4097 bytes".
[[nodiscard]] std::string format_size(std::uint64_t bytes);
// The same where MiB divide it, else about: "249.8 MiB". Below 1 MiB as format_size() has it.
[[nodiscard]] std::string format_about(std::uint64_t bytes);
// "0x40200000".
[[nodiscard]] std::string format_address(std::uint64_t address);
// "0x40200000..0x40400000".
[[nodiscard]] std::string format_range(std::uint64_t base, std::uint64_t size);

} // namespace septum::build
