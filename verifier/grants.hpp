// SPDX-License-Identifier: Apache-2.0
// What an image grants, to whom: the decoded bytes in the terms of the manifest, sorted, and complete. The certificate
// lists them, `septum verify IMAGE` prints them, `septum diff` compares them.
#pragma once

#include "verifier/verifier.hpp"

namespace septum::verifier {

struct MemoryGrant {
    std::uint64_t gpa = 0; // guest-physical
    std::uint64_t hpa = 0; // host-physical
    std::uint64_t size = 0;
    std::string access; // "rwx", "rw-", "r--"
    std::string type;   // "write-back", …
    friend bool operator==(const MemoryGrant&, const MemoryGrant&) = default;
};

// Inclusive.
struct NumberRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

// What an owner may do to one doubleword of the configuration space of its function.
struct RegisterGrants {
    std::uint8_t offset = 0;
    std::string answer;       // "hardware", "virtual BAR", …
    std::uint32_t reads = 0;  // bits that show the hardware
    std::uint32_t writes = 0; // bits that change it, those that ones clear included
};

// A function of the board that a partition owns.
struct OwnedDevice {
    std::uint16_t requester = 0; // bus << 8 | device << 3 | function
    std::string name;
    std::string reset;                     // how it is reset with its owner: "FLR", …; empty: it is not
    std::vector<RegisterGrants> registers; // those that reach the hardware or a virtual register; by offset
};

// How the kernel answers an access that exits: ports or MSRs in no rule are absent.
struct AnswerGrants {
    NumberRange numbers;
    std::string answer;     // "virtual serial port", "constant 0xff"
    bool forbidden = false; // a fault
};

// CPUID as a guest sees it: (the processor's & mask) | set, of EAX, EBX, ECX and EDX.
struct CpuidGrants {
    std::uint32_t leaf = 0;
    std::uint32_t subleaf = 0;
    bool any_subleaf = false;
    std::array<std::uint32_t, 4> mask{};
    std::array<std::uint32_t, 4> set{};
};

// What becomes of a partition after its life ended so.
struct ConductGrants {
    std::string cause;  // "triple-fault", …
    std::string answer; // "stop", "restart", "halt-system"
};

struct PartitionGrants {
    std::string name;
    std::uint32_t asid = 0;
    std::vector<std::uint32_t> apic_ids;
    std::vector<MemoryGrant> memory;    // sorted by gpa, maximal runs
    std::vector<NumberRange> ports;     // byte accesses that do not exit, sorted, maximal runs
    std::vector<NumberRange> msr_reads; // that do not exit; the same
    std::vector<NumberRange> msr_writes;
    std::vector<OwnedDevice> devices; // sorted by requester
    bool console = false;
    bool halts_system = false; // some cause of a fault halts the machine

    // What the certificate does not list.
    std::vector<AnswerGrants> port_answers; // by port
    std::vector<AnswerGrants> msr_answers;  // by MSR
    std::vector<CpuidGrants> cpuid;         // by leaf
    std::vector<std::string> without_exit;  // what one of the VMCB templates does not intercept: "rdtsc", "hlt"
    std::vector<ConductGrants> conduct;     // by cause
    std::uint32_t restart_limit = 0;
    std::uint32_t heartbeat_ms = 0; // 0: none is promised
};

struct ChannelGrants {
    std::string name;
    std::string from;
    std::string to;
    std::uint64_t base = 0; // host-physical
    std::uint64_t size = 0;
    bool doorbell = false;
    bool interrupts = false; // the doorbell interrupts its reader
};

// Requester ids [first, last] and what becomes of their requests.
struct RequesterGrants {
    NumberRange ids;
    std::string state;        // "blocked", "translated", "passthrough", "unknown"
    std::uint32_t domain = 0; // its id, for translated ones
    friend bool operator==(const RequesterGrants&, const RequesterGrants&) = default;
};

// Entries of an interrupt table that one requester has to itself, and what the kernel may make of them while
// partitions run: it changes vector and destination only.
struct InterruptGrants {
    std::uint64_t table = 0; // host-physical
    NumberRange entries;
    std::uint32_t requester = 0;
    bool exact = true; // all bits of the requester id are compared
    std::string owner; // a partition, or "the kernel"
    std::vector<std::uint32_t> apic_ids;
    NumberRange vectors;
    std::string delivery; // "fixed", "nmi"
    bool present = false; // already before any partition runs
};

// An entry of an interrupt table that is present and belongs neither to a device that somebody owns nor to the
// watchdog.
struct StrayInterrupt {
    std::uint32_t requester = 0;
    std::uint32_t entry = 0;
    std::string meaning; // "vector 0x30, delivery 0, destination 0x1, from anybody"
};

// Requester ids whose interrupts do not go through a table, and are not refused either.
struct RouteGrants {
    NumberRange ids;
    std::string state; // "nmi", "unmapped", "unknown"
};

// A bridge as the boot part sets it.
struct BridgeGrants {
    std::uint16_t requester = 0;
    bool kept_apart = false;  // by Access Control Services: what lies below it reaches nothing but through the IOMMU
    std::uint64_t window = 0; // bytes that it passes on
    std::uint64_t prefetchable = 0;
};

// A host-physical place that has a name.
struct NamedPlace {
    std::string name; // "RAM of `vault`", "channel `request`", "BAR 0 of 01:00.0", "the event log"
    std::uint64_t base = 0;
    std::uint64_t size = 0;
};

struct DomainGrants {
    std::uint32_t id = 0;
    std::vector<MemoryGrant> memory; // gpa: DMA address
    bool device_tlb = false;         // requests that a device says it has translated itself are believed
};

struct PrivateRange {
    std::string name; // "the kernel", "the sealed tables"
    std::uint64_t base = 0;
    std::uint64_t size = 0;
};

struct Grants {
    std::string appliance;
    std::string board;
    std::string unit;                        // "none", "vt-d", "amd-vi"
    std::vector<PartitionGrants> partitions; // in the manifest's order
    std::vector<ChannelGrants> channels;     // in the manifest's order
    std::vector<RequesterGrants> requesters; // all 65,536 ids when there is a unit; by id
    std::vector<InterruptGrants> interrupts; // in the manifest's order of devices, the watchdog's last
    std::vector<DomainGrants> domains;       // by id
    std::vector<PrivateRange> kernel;        // host-physical, by base

    // What the certificate does not list.
    std::vector<StrayInterrupt> strays;
    std::vector<RouteGrants> routes;   // by id
    std::vector<BridgeGrants> bridges; // by requester
    std::vector<NamedPlace> places;    // by base
    std::vector<std::string> contract; // what the kernel demands of the machine before it starts anything

    std::array<std::uint8_t, 32> image_digest{};
    std::array<std::uint8_t, 32> kernel_digest{}; // of the kernel's file
    std::array<std::uint8_t, 32> bundle_digest{}; // of appliance.sep
    std::uint64_t image_size = 0;
};

// Errors as of reading an image: no ISO, a file of the boot path missing, no manifest.
[[nodiscard]] config::Outcome<Grants> read_grants(std::span<const std::uint8_t> image);

// For people: a paragraph per partition, then channels, devices, and what is the kernel's.
[[nodiscard]] std::string grants_text(const Grants& grants);

} // namespace septum::verifier
