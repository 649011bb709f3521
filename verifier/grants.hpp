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

// A function of the board that a partition owns.
struct OwnedDevice {
    std::uint16_t requester = 0; // bus << 8 | device << 3 | function
    std::string name;
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
};

struct ChannelGrants {
    std::string name;
    std::string from;
    std::string to;
    std::uint64_t base = 0; // host-physical
    std::uint64_t size = 0;
    bool doorbell = false;
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

struct DomainGrants {
    std::uint32_t id = 0;
    std::vector<MemoryGrant> memory; // gpa: DMA address
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
