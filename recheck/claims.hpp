// SPDX-License-Identifier: Apache-2.0
// What a system grants, in the terms of docs/certificate.md. It is read twice, from the certificate and from the image,
// and must come out the same.
#pragma once

#include "recheck/report.hpp"

#include <optional>

namespace septum::recheck {

struct Memory {
    std::uint64_t gpa = 0; // of a DMA domain: the address that devices use
    std::uint64_t hpa = 0;
    std::uint64_t size = 0;
    std::string access; // "rwx"
    std::string type;   // "write-back"; empty for DMA domains, whose tables say nothing of it
};

struct Range { // inclusive
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

struct Partition {
    std::string name;
    std::uint64_t asid = 0;
    std::vector<std::uint32_t> apic_ids;
    std::vector<Memory> memory;
    std::vector<Range> ports;
    std::vector<Range> msr_reads;
    std::vector<Range> msr_writes;
};

struct Channel {
    std::string name;
    std::string from;
    std::string to;
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    bool doorbell = false;
};

struct Requesters {
    Range ids;
    std::string state;
    std::uint64_t domain = 0;
};

// Entries of an interrupt table that one requester has to itself, and what the kernel may make of them while
// partitions run.
struct Interrupts {
    std::uint64_t table = 0; // host-physical
    Range entries;
    std::uint32_t requester = 0;
    std::string owner;
    std::vector<std::uint32_t> cpus; // APIC ids
    Range vectors;
    std::string delivery; // "fixed", "nmi"
    bool present = false; // already before any partition runs
};

struct Domain {
    std::uint64_t id = 0;
    std::vector<Memory> memory;
};

struct Private {
    std::string name;
    std::uint64_t base = 0;
    std::uint64_t size = 0;
};

// The one of them that partitions may be let read.
inline constexpr const char* kEventLog = "the event log";

struct Claims {
    std::string appliance;
    std::string board;
    std::string unit;
    std::string image_digest;
    std::string kernel_digest;
    std::string bundle_digest;
    std::uint64_t image_size = 0;
    std::vector<Partition> partitions;
    std::vector<Channel> channels;
    std::vector<Requesters> requesters;
    std::vector<Interrupts> interrupts;
    std::vector<Domain> domains;
    std::vector<Private> kernel;
};

// What only the certificate has.
struct Certificate {
    Claims claims;
    std::optional<std::string> appliance_digest;
    std::optional<std::string> board_digest;
    std::string tool_digest;
    std::size_t properties = 0;
    std::size_t proved = 0;
};

// A device of the manifest, as far as confinement goes; the kernel's watchdog too, which has no domain.
struct Owned {
    std::uint32_t domain = 0;
    Interrupts interrupts; // what the manifest gives it
    std::uint32_t met = 0; // of these entries, found in a table
};
struct Image {
    Claims claims;
    std::vector<Owned> devices;
};

[[nodiscard]] Certificate read_certificate(Bytes file);
// Of an ISO `kernel` and `bundle` are found; of any other image they are given, and it must hold them.
[[nodiscard]] Image read_image(Bytes file, Bytes kernel = {}, Bytes bundle = {});
// Throws Differs.
void compare(const Claims& certificate, const Claims& image);
void check_separation(const Image& image);

} // namespace septum::recheck
