// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/places.hpp"

#include "verifier/properties/shared/assigned.hpp"

#include <septum/guest/board.hpp>

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
            out.ram_by_guest.push_back({at, first, kUnplaced});
        }
        if (first < piece.end) {
            out.expected.push_back({first, piece.end, piece.value});
            out.ram_by_guest.push_back({first, piece.end, piece.value});
            out.ram.push_back({first + piece.value, piece.end + piece.value, 0});
            at = piece.end;
        }
    }
    if (at < grant.end()) {
        out.expected.push_back({at, grant.end(), kUnplaced});
        out.ram_by_guest.push_back({at, grant.end(), kUnplaced});
    }
}

const config::BoardPciFunction* function_of(const config::Board& board, std::uint16_t bdf) {
    for (const config::BoardPciFunction& function : board.pci) {
        if (function.bdf == bdf) {
            return &function;
        }
    }
    return nullptr;
}

// The BARs of one assigned function, where the manifest shows them.
void place_device(const config::BoardPciFunction& function, const config::Span& span, const manifest::Device& record,
                  const decode::Manifest& manifest, PlacedPartition& out) {
    const auto records = manifest.bars_of(record);
    for (const config::BoardBar& bar : function.bars) {
        const auto it = std::find_if(records.begin(), records.end(),
                                     [&](const manifest::Bar& b) { return b.number == bar.number; });
        if (it == records.end() || it->gpa.value < guest::kPciBase ||
            !decode::fits(it->gpa.value, bar.size.value, guest::kPciLimit)) {
            continue;
        }
        const std::uint64_t gpa = it->gpa.value;
        const Pieces whole{{gpa, gpa + bar.size.value, 0}};
        const bool taken = std::any_of(out.devices.begin(), out.devices.end(), [&](const Grant& other) {
            return other.gpa < gpa + bar.size.value && gpa < other.end();
        });
        if (taken) {
            continue;
        }
        Pieces traps;
        for (const Piece& page : table_pages_of(function, bar)) {
            traps.push_back({gpa + page.first, gpa + page.end, 0});
            out.traps.push_back({bar.base.value + page.first, bar.base.value + page.end, 0});
        }
        for (const Piece& piece : without(whole, traps)) {
            Grant grant;
            grant.gpa = piece.first;
            grant.size = piece.end - piece.first;
            grant.kind = manifest::RegionKind::device;
            grant.access = manifest::kRead | manifest::kWrite;
            grant.pinned = bar.base.value + (piece.first - gpa);
            grant.span = span;
            grant.device = "BAR " + std::to_string(bar.number) + " of `" + function.name.value + "`";
            grant.bar = record.bars.first + static_cast<std::uint32_t>(it - records.begin());
            out.devices.push_back(grant);
            out.expected.push_back({piece.first, piece.end, bar.base.value - gpa});
        }
    }
}

void place_devices(const config::Model& model, std::size_t partition, const decode::Manifest& manifest,
                   PlacedPartition& out) {
    for (const manifest::Device& record : manifest.devices_of(out.facts->record)) {
        const config::BoardPciFunction* function = function_of(model.board, record.bdf);
        for (const config::Spanned<std::string>& name : model.partitions[partition].devices) {
            if (function != nullptr && name.value == function->name.value) {
                place_device(*function, name.span, record, manifest, out);
                break;
            }
        }
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
            } else if (grant.kind == manifest::RegionKind::event_log) {
                const manifest::Range& log = facts.manifest.header.event_log;
                placed.expected.push_back(
                    {grant.gpa, grant.end(), log.size == grant.size ? log.base.value - grant.gpa : kUnplaced});
            } else {
                const PlacedChannel& channel = out.channels[grant.channel];
                placed.expected.push_back(
                    {grant.gpa, grant.end(), channel.record == nullptr ? kUnplaced : channel.base - grant.gpa});
            }
        }
        place_devices(model, i, facts.manifest, placed);
        placed.expected = sorted(std::move(placed.expected));
        placed.ram_by_guest = sorted(std::move(placed.ram_by_guest));
    }
    return out;
}

std::vector<Grant> all_grants(const Declared& declared, const Places& places, std::size_t partition) {
    std::vector<Grant> out = declared.partitions[partition].grants;
    const std::vector<Grant>& devices = places.partitions[partition].devices;
    out.insert(out.end(), devices.begin(), devices.end());
    std::sort(out.begin(), out.end(), [](const Grant& a, const Grant& b) { return a.gpa < b.gpa; });
    return out;
}

} // namespace septum::verifier
