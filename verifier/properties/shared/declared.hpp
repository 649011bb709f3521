// SPDX-License-Identifier: Apache-2.0
// What the model grants, derived from it and the fixed guest board alone: the verifier's own reading, made without
// the planner. Host-physical places are free unless pinned; everything else here is exact.
#pragma once

#include "config/model.hpp"

#include <septum/manifest/manifest.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace septum::verifier {

// Guest-physical [gpa, gpa + size) of one partition.
struct Grant {
    std::uint64_t gpa = 0;
    std::uint64_t size = 0;
    manifest::RegionKind kind = manifest::RegionKind::ram;
    std::uint8_t access = 0;             // manifest::kRead | kWrite | kExecute; write-back, devices uncacheable
    std::uint32_t channel = ~0U;         // index into Model::channels
    std::optional<std::uint64_t> pinned; // host-physical
    config::Span span;                   // the line that grants it
    std::string device;                  // for a device region: "BAR 0 of `disk`"
    std::uint32_t bar = ~0U;             // for a device region: index into the manifest's BARs

    [[nodiscard]] std::uint64_t end() const { return gpa + size; }
};

struct DeclaredChannel {
    std::uint8_t vector = 0; // 0: a ring is only seen by polling
};

struct DeclaredPartition {
    std::vector<Grant> grants; // sorted by gpa
    std::uint32_t restart_limit = 0;
};

// MSRs [first, last] that a partition reaches without an exit.
struct PassedMsr {
    std::uint32_t first = 0;
    std::uint32_t last = 0; // inclusive
    bool read = false;
    bool write = false;
};

struct Declared {
    std::vector<DeclaredPartition> partitions; // as in the model
    std::vector<DeclaredChannel> channels;     // as in the model
    std::vector<PassedMsr> msrs;               // the same for every partition; disjoint, sorted
};

[[nodiscard]] Declared declare(const config::Model& model);

} // namespace septum::verifier
