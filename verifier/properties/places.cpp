// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/places.hpp"

#include <algorithm>
#include <map>

namespace septum::verifier {

namespace {

// RAM of the model, each piece with the place that the manifest's RAM regions give it.
void place_ram(const Grant& grant, const PartitionFacts& facts, PlacedPartition& out) {
    Pieces regions;
    for (const manifest::Region& region : facts.regions) {
        if (region.kind == manifest::RegionKind::ram && region.size != 0) {
            const std::uint64_t first = std::max(region.gpa.value, grant.gpa);
            const std::uint64_t end = std::min(region.gpa.value + region.size, grant.end());
            regions.push_back({first, end, region.hpa.value - region.gpa.value});
        }
    }
    // Overlapping claims: the first holds; the claims themselves are compared with the model elsewhere.
    std::uint64_t at = grant.gpa;
    for (const Piece& piece : sorted(regions)) {
        const std::uint64_t first = std::max(piece.first, at);
        if (first > at) {
            out.expected.push_back({at, first, kUnplaced});
        }
        if (first < piece.end) {
            out.expected.push_back({first, piece.end, piece.value});
            out.ram.push_back({first + piece.value, piece.end + piece.value, 0});
            at = piece.end;
        }
    }
    if (at < grant.end()) {
        out.expected.push_back({at, grant.end(), kUnplaced});
    }
}

} // namespace

Places locate(const config::Model& model, const Declared& declared, const Facts& facts) {
    Places out;
    out.partitions.resize(model.partitions.size());
    out.channels.resize(model.channels.size());
    std::map<std::string_view, std::size_t> names;
    for (std::size_t i = 0; i < model.partitions.size(); ++i) {
        names.emplace(model.partitions[i].name.value, i);
    }
    for (const PartitionFacts& partition : facts.partitions) {
        const auto found = names.find(partition.name);
        if (found == names.end() || out.partitions[found->second].facts != nullptr) {
            out.undeclared.push_back(&partition);
        } else {
            out.partitions[found->second].facts = &partition;
        }
    }
    std::map<std::string, std::uint32_t> channels;
    for (std::uint32_t c = 0; c < facts.manifest.channels.size(); ++c) {
        channels.emplace(decode::text(facts.manifest.channels[c].name), c);
    }
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        if (const auto found = channels.find(model.channels[c].name.value); found != channels.end()) {
            const manifest::Channel& record = facts.manifest.channels[found->second];
            out.channels[c] = {&record, found->second, record.memory.base.value, record.memory.size};
        }
    }
    for (std::size_t i = 0; i < model.partitions.size(); ++i) {
        PlacedPartition& placed = out.partitions[i];
        if (placed.facts == nullptr) {
            continue;
        }
        for (const Grant& grant : declared.partitions[i].grants) {
            if (grant.kind == manifest::RegionKind::ram) {
                place_ram(grant, *placed.facts, placed);
            } else {
                const PlacedChannel& channel = out.channels[grant.channel];
                placed.expected.push_back(
                    {grant.gpa, grant.end(), channel.record == nullptr ? kUnplaced : channel.base - grant.gpa});
            }
        }
        placed.expected = sorted(std::move(placed.expected));
    }
    return out;
}

} // namespace septum::verifier
