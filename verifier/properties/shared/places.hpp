// SPDX-License-Identifier: Apache-2.0
// Where the manifest says that everything lies. The planner is free to choose places, so the expected grants take
// them from here; that the tables really lead there, and that places keep apart, is what the properties show.
#pragma once

#include "verifier/facts/facts.hpp"
#include "verifier/properties/shared/declared.hpp"
#include "verifier/properties/shared/intervals.hpp"

namespace septum::verifier {

// A grant whose place the manifest doesn't give: equal to nothing that a table can hold.
inline constexpr std::uint64_t kUnplaced = ~0ULL - 1;

struct PlacedPartition {
    const PartitionFacts* facts = nullptr; // null: not in the image
    Pieces expected;                       // guest-physical → host minus guest, sorted, disjoint
    Pieces ram;                            // host-physical
    Pieces ram_by_guest;                   // guest-physical → host minus guest
    // What the partition is to reach of its own devices: the board's BARs without the pages of MSI-X tables, at the
    // guest-physical places that the manifest gives. A BAR without a usable place is left out; dev.bars-owned says so.
    std::vector<Grant> devices;
    Pieces traps; // host-physical: the pages of their MSI-X tables, which the kernel keeps
};

struct PlacedChannel {
    const manifest::Channel* record = nullptr; // null: not in the image
    std::uint32_t index = 0;                   // in the manifest
    std::uint64_t base = 0;
    std::uint64_t size = 0;
};

struct Places {
    std::vector<PlacedPartition> partitions;       // as in the model
    std::vector<PlacedChannel> channels;           // as in the model
    std::vector<const PartitionFacts*> undeclared; // in the image, not in the model
};

// The declared grants and those of devices, together.
[[nodiscard]] std::vector<Grant> all_grants(const Declared& declared, const Places& places, std::size_t partition);

[[nodiscard]] Places locate(const config::Model& model, const Declared& declared, const Facts& facts);

} // namespace septum::verifier
