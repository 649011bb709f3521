// SPDX-License-Identifier: Apache-2.0
// One address, step by step, as found in the image's bytes.
#include "verifier/facts/facts.hpp"
#include "verifier/verifier.hpp"

#include <algorithm>

namespace septum::verifier {

namespace {

using decode::PageStep;
using decode::PageWalk;

std::string page_name(std::uint64_t size) {
    return size == kGiB ? "1 GiB" : size == 2 * kMiB ? "2 MiB" : "4 KiB";
}

std::string access_text(std::uint8_t access) {
    return {(access & decode::kAccessRead) != 0 ? 'r' : '-', (access & decode::kAccessWrite) != 0 ? 'w' : '-',
            (access & decode::kAccessExecute) != 0 ? 'x' : '-'};
}

std::string meaning(const PageStep& step, const PageWalk& walk, std::uint64_t address) {
    if (!step.readable) {
        return "the table lies outside the bundle";
    }
    if ((step.entry & 1) == 0) {
        return "not present";
    }
    std::string text = "present";
    text += (step.entry & 2) != 0 ? ", writable" : ", read-only";
    text += (step.entry & 4) != 0 ? ", user" : ", supervisor (no guest access)";
    if ((step.entry >> 63) != 0) {
        text += ", no-execute";
    }
    if (step.leaf) {
        return text + ", " + decode::name(walk.type) + " → " + page_name(walk.page_size) + " page " +
               decode::hex(walk.hpa - (address & (walk.page_size - 1)));
    }
    return text + " → table " + decode::hex(step.entry & 0x000F'FFFF'FFFF'F000);
}

// The model's line that grants `host` to `partition`: its memory, or the channel that lies there.
config::Span granting_line(const config::Model& model, const Facts& facts, const PartitionFacts& partition,
                           std::uint64_t gpa) {
    for (const manifest::Region& region : partition.regions) {
        if (gpa < region.gpa.value || gpa - region.gpa.value >= region.size) {
            continue;
        }
        if (region.kind == manifest::RegionKind::ram) {
            for (const config::Partition& each : model.partitions) {
                if (each.name.value == partition.name) {
                    return each.memory.span;
                }
            }
        } else if (region.object < facts.manifest.channels.size()) {
            const std::string name = decode::text(facts.manifest.channels[region.object].name);
            for (const config::Channel& each : model.channels) {
                if (each.name.value == name) {
                    return each.name.span;
                }
            }
        }
    }
    return {};
}

} // namespace

config::Outcome<Walk> walk(std::span<const std::uint8_t> image, const std::string& partition, std::uint64_t gpa,
                           const config::Model* model) {
    config::Outcome<Walk> outcome;
    ReadOptions options;
    if (model != nullptr && model->board.physical_address_bits != 0) {
        options.physical_address_bits = model->board.physical_address_bits;
    }
    auto read = read_image(image, options);
    if (!read.ok()) {
        outcome.diagnostics = std::move(read.diagnostics);
        return outcome;
    }
    const Facts& facts = *read.value;
    const auto found = std::find_if(facts.partitions.begin(), facts.partitions.end(),
                                    [&](const PartitionFacts& p) { return p.name == partition; });
    if (found == facts.partitions.end()) {
        std::vector<std::string_view> names;
        for (const PartitionFacts& p : facts.partitions) {
            names.push_back(p.name);
        }
        const std::string_view near = config::nearest(partition, names);
        std::string all;
        for (const std::string_view name : names) {
            all += (all.empty() ? "it has `" : ", `") + std::string(name) + "`";
        }
        outcome.diagnostics.push_back(decode::error("walk.partition", "the image has no partition `" + partition + "`",
                                                    near.empty() ? all : "did you mean `" + std::string(near) + "`?"));
        return outcome;
    }
    if ((gpa >> 48) != 0) {
        outcome.diagnostics.push_back(
            decode::error("walk.address", "a guest-physical address has 48 bits: found " + decode::hex(gpa)));
        return outcome;
    }
    const ByteSpan bundle = facts.image->bundle;
    const decode::HostMemory memory{facts.bundle.place.base, bundle, facts.bundle.tables.base,
                                    facts.bundle.tables.size};
    const PageWalk raw = decode::walk_page_table(memory, found->record.npt_root.value, gpa, {});
    Walk result;
    for (const PageStep& step : raw.steps) {
        result.steps.push_back({step.level, step.table, step.index, step.entry, meaning(step, raw, gpa)});
    }
    result.mapped = raw.mapped;
    result.host = raw.hpa;
    result.page_size = raw.page_size;
    result.access = access_text(raw.access);
    if (model != nullptr && raw.mapped) {
        result.granted_by = granting_line(*model, facts, *found, gpa);
    }
    outcome.value = std::move(result);
    return outcome;
}

} // namespace septum::verifier
