// SPDX-License-Identifier: Apache-2.0
// What a report draws: who owns what of the board, what each partition sees, who reaches whom. Taken from the decoded
// bytes where there are some, never from the planner; from the model alone otherwise.
#pragma once

#include "config/model.hpp"
#include "verifier/facts/facts.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace septum::cli {

// A partition's reach of a stretch of host-physical memory.
struct Seen {
    std::uint32_t partition = 0; // index into Overview::partitions
    std::string access;          // "rwx", "rw-", "r--"
    std::uint64_t gpa = 0;       // of the stretch's first byte
};

// A stretch of host-physical memory that is somebody's.
struct MapRange {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    std::string kind;          // "ram", "channel", "device", "kernel", "tables", "payloads", "stray"
    std::string what;          // "RAM of `vault`"
    std::vector<Seen> seen_by; // empty: the kernel's alone
};

// A stretch of guest-physical memory of one partition.
struct ViewRange {
    std::uint64_t gpa = 0;
    std::uint64_t hpa = 0;
    std::uint64_t size = 0;
    std::string access;
    std::string type;        // "write-back"
    std::string what;        // the MapRange's
    bool placed = true;      // false: only declared; hpa is not known
    config::Span granted_by; // the line of the model
};

struct Numbered { // inclusive
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

struct PartitionView {
    std::string name;
    config::Span span;
    std::string boot; // "Linux `vmlinuz-cloud`, initrd `…`"
    std::string on_fault;
    std::vector<std::string> traits;     // "console", "event log"
    std::vector<std::uint32_t> apic_ids; // by virtual CPU; empty: not chosen yet
    std::uint32_t cpu_count = 0;
    std::vector<std::string> devices;
    std::vector<ViewRange> memory; // sorted by gpa
    std::vector<Numbered> ports;   // granted without an exit
    std::vector<Numbered> msrs;    // reads or writes that do not exit
    std::string payload_digest;    // hexadecimal; empty without bytes
    std::uint64_t payload_bytes = 0;
};

// From one node to another, directly.
struct FlowEdge {
    std::uint32_t from = 0; // partitions, then externals
    std::uint32_t to = 0;
    std::vector<std::string> declared; // "channel `request`"
    std::vector<std::string> granted;  // as found in the bytes
    config::Span span;
};

// From one node to another through others, and not directly.
struct FlowPath {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    std::vector<std::uint32_t> through;
};

struct PolicyLine {
    std::string text; // "never: intruder → vault"
    bool holds = false;
    std::string witness; // the path that breaks it
    config::Span span;
};

struct DigestLine {
    std::string what;
    std::string digest; // hexadecimal
};

struct Overview {
    std::string name;
    std::string board;
    std::vector<std::string> board_facts;  // "4 CPUs, x2APIC"
    bool from_bytes = false;               // false: declared only
    std::vector<MapRange> memory;          // sorted by base
    std::vector<MapRange> board_memory;    // usable RAM; kind "usable"
    std::vector<PartitionView> partitions; // in name order
    std::vector<std::string> nodes;        // partitions, then externals
    std::vector<FlowEdge> flows;           // sorted by (from, to)
    std::vector<FlowPath> paths;           // sorted by (from, to)
    std::vector<PolicyLine> policy;
    std::vector<DigestLine> digests;
};

// `facts` may be null: what the model declares is all there is.
[[nodiscard]] Overview make_overview(const config::Model& model, const verifier::Facts* facts);

} // namespace septum::cli
