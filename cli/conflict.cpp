// SPDX-License-Identifier: Apache-2.0
// Deletion-based minimisation, with the planner as the oracle: one demand after another is dropped, and stays dropped
// when the rest still cannot be placed.
#include "cli/conflict.hpp"

#include "build/build.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <tuple>

namespace septum::cli {
namespace {

using config::Model;

constexpr std::uint64_t kLeastMemory = 2ULL << 20;
constexpr std::uint64_t kLeastChannel = 4096;

struct Droppable {
    std::string of; // the partition, or "channel " and its name
    Demand demand;
    std::function<void(Model&)> drop;
};

// A model in which partitions and channels can go while indices stay: marked first, taken out at the end.
struct Marks {
    std::vector<bool> partition;
    std::vector<bool> channel;
};

std::string size_text(std::uint64_t bytes) {
    constexpr std::uint64_t kMiB = 1ULL << 20;
    return bytes % kMiB == 0 ? fmt::format("{} MiB", bytes / kMiB) : fmt::format("{} KiB", bytes >> 10);
}

void of_partitions(const Model& model, std::vector<Droppable>& out) {
    for (std::size_t p = 0; p < model.partitions.size(); ++p) {
        const auto& partition = model.partitions[p];
        const std::string& name = partition.name.value;
        if (partition.base)
            out.push_back({name,
                           {partition.base->span, fmt::format("`{}` is pinned at {:#x}", name, partition.base->value)},
                           [p](Model& m) { m.partitions[p].base.reset(); }});
        if (partition.memory.value > kLeastMemory)
            out.push_back({name,
                           {partition.memory.span, fmt::format("`{}` has {}", name, size_text(partition.memory.value))},
                           [p](Model& m) { m.partitions[p].memory.value = kLeastMemory; }});
        if (!partition.cpu_pins.empty())
            out.push_back({name,
                           {partition.cpus_span, fmt::format("the CPUs of `{}` are pinned", name)},
                           [p](Model& m) { m.partitions[p].cpu_pins.clear(); }});
        if (partition.cpu_count > 1)
            out.push_back({name,
                           {partition.cpus_span, fmt::format("`{}` has {} CPUs", name, partition.cpu_count)},
                           [p](Model& m) {
                               m.partitions[p].cpu_count = 1;
                               if (m.partitions[p].cpu_pins.size() > 1)
                                   m.partitions[p].cpu_pins.resize(1);
                           }});
        for (std::size_t d = 0; d < partition.devices.size(); ++d)
            out.push_back({name,
                           {partition.devices[d].span, fmt::format("`{}` owns `{}`", name, partition.devices[d].value)},
                           [p, d](Model& m) {
                               auto& list = m.partitions[p].devices;
                               auto& indices = m.partitions[p].device_indices;
                               list.erase(list.begin() + static_cast<std::ptrdiff_t>(d));
                               if (d < indices.size())
                                   indices.erase(indices.begin() + static_cast<std::ptrdiff_t>(d));
                           }});
    }
}

void of_channels(const Model& model, std::vector<Droppable>& out) {
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        const auto& channel = model.channels[c];
        const std::string of = "channel " + channel.name.value;
        if (channel.base)
            out.push_back({of,
                           {channel.base->span,
                            fmt::format("channel `{}` is pinned at {:#x}", channel.name.value, channel.base->value)},
                           [c](Model& m) { m.channels[c].base.reset(); }});
        if (channel.size.value > kLeastChannel)
            out.push_back({of,
                           {channel.size.span,
                            fmt::format("channel `{}` has {}", channel.name.value, size_text(channel.size.value))},
                           [c](Model& m) { m.channels[c].size.value = kLeastChannel; }});
    }
}

Model take_out(Model model, const Marks& kept) {
    std::vector<std::uint32_t> number(model.partitions.size(), 0);
    std::vector<config::Partition> partitions;
    for (std::size_t p = 0; p < model.partitions.size(); ++p)
        if (kept.partition[p]) {
            number[p] = static_cast<std::uint32_t>(partitions.size());
            partitions.push_back(std::move(model.partitions[p]));
        }
    std::vector<config::Channel> channels;
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        config::Channel& channel = model.channels[c];
        const bool ends = channel.from.value < number.size() && channel.to.value < number.size() &&
                          kept.partition[channel.from.value] && kept.partition[channel.to.value];
        if (!kept.channel[c] || !ends)
            continue;
        channel.from.value = number[channel.from.value];
        channel.to.value = number[channel.to.value];
        channels.push_back(std::move(channel));
    }
    model.partitions = std::move(partitions);
    model.channels = std::move(channels);
    model.policy.clear(); // says nothing about places
    return model;
}

class Search {
public:
    explicit Search(const Model& model)
        : model_(model),
          marks_{std::vector<bool>(model.partitions.size(), true), std::vector<bool>(model.channels.size(), true)} {
        of_partitions(model, details_);
        of_channels(model, details_);
        kept_.assign(details_.size(), true);
    }

    std::vector<Demand> minimal() {
        for (std::size_t c = 0; c < marks_.channel.size(); ++c)
            try_without(marks_.channel, c);
        for (std::size_t p = 0; p < marks_.partition.size(); ++p)
            try_without(marks_.partition, p);
        for (std::size_t i = 0; i < kept_.size(); ++i)
            try_without(kept_, i);
        return demands();
    }

private:
    void try_without(std::vector<bool>& set, std::size_t index) {
        set[index] = false;
        set[index] = placeable();
    }
    // Nobody at all is a defect of another kind, and no conflict.
    bool placeable() const {
        if (std::none_of(marks_.partition.begin(), marks_.partition.end(), [](bool kept) { return kept; }))
            return true;
        Model model = model_;
        for (std::size_t i = details_.size(); i-- > 0;)
            if (!kept_[i])
                details_[i].drop(model);
        return build::make_plan(take_out(std::move(model), marks_), {}, {}).ok();
    }
    std::vector<Demand> demands() const {
        std::vector<Demand> out;
        // That somebody is there goes without saying where one of his lines is told.
        const auto told = [&](const std::string& name) {
            for (std::size_t i = 0; i < kept_.size(); ++i)
                if (kept_[i] && details_[i].of == name)
                    return true;
            return false;
        };
        for (std::size_t p = 0; p < marks_.partition.size(); ++p)
            if (marks_.partition[p] && !told(model_.partitions[p].name.value))
                out.push_back({model_.partitions[p].name.span,
                               fmt::format("partition `{}` is there", model_.partitions[p].name.value)});
        for (std::size_t c = 0; c < marks_.channel.size(); ++c)
            if (marks_.channel[c] && !told("channel " + model_.channels[c].name.value))
                out.push_back({model_.channels[c].name.span,
                               fmt::format("channel `{}` is there", model_.channels[c].name.value)});
        for (std::size_t i = 0; i < kept_.size(); ++i)
            if (kept_[i])
                out.push_back(details_[i].demand);
        std::sort(out.begin(), out.end(), [](const Demand& a, const Demand& b) {
            return std::tie(a.span.file, a.span.line, a.span.column, a.what) <
                   std::tie(b.span.file, b.span.line, b.span.column, b.what);
        });
        return out;
    }

    const Model& model_;
    std::vector<Droppable> details_;
    Marks marks_;
    std::vector<bool> kept_;
};

} // namespace

Conflict find_conflict(const Model& model) {
    Conflict out;
    auto plan = build::make_plan(model, {}, {});
    if (plan.ok())
        return out;
    out.says = std::move(plan.diagnostics);
    out.demands = Search(model).minimal();
    return out;
}

} // namespace septum::cli
