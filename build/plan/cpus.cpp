// SPDX-License-Identifier: Apache-2.0
#include "build/plan/cpus.hpp"

#include <map>
#include <optional>
#include <string>

namespace septum::build {
namespace {

struct Owner {
    std::size_t partition = 0;
    config::Span span; // of the pin
};

std::string count_of(std::size_t n, const char* singular) {
    return std::to_string(n) + " " + singular + (n == 1 ? "" : "s");
}

} // namespace

std::vector<std::vector<std::uint32_t>> assign_cpus(const config::Model& model,
                                                    std::vector<config::Diagnostic>& diagnostics) {
    const auto& board_cpus = model.board.cpus;
    std::vector<std::optional<Owner>> owners(board_cpus.size());
    std::map<std::uint32_t, std::size_t> core_owner; // core → the first partition on it
    std::vector<std::vector<std::uint32_t>> result(model.partitions.size());

    for (std::size_t p = 0; p < model.partitions.size(); ++p) {
        const auto& partition = model.partitions[p];
        for (const auto& pin : partition.cpu_pins) {
            if (pin.value >= board_cpus.size()) {
                config::Diagnostic d;
                d.id = "cpu.exists";
                d.message = "`" + partition.name.value + "` wants cpu " + std::to_string(pin.value) + ", but board `" +
                            model.board.name.value + "` has " + count_of(board_cpus.size(), "cpu") +
                            ", numbered from 0";
                d.primary = pin.span;
                d.label = "not on the board";
                diagnostics.push_back(std::move(d));
                continue;
            }
            auto& owner = owners[pin.value];
            if (owner) {
                config::Diagnostic d;
                d.id = "cpu.exclusive";
                d.message = owner->partition == p
                                ? "`" + partition.name.value + "` lists cpu " + std::to_string(pin.value) + " twice"
                                : "`" + model.partitions[owner->partition].name.value + "` and `" +
                                      partition.name.value + "` both own cpu " + std::to_string(pin.value);
                d.primary = pin.span;
                d.label = "already taken";
                d.related.push_back({owner->span, "first taken here"});
                d.help = "give each partition cpus of its own, or write only their number and let the planner choose";
                diagnostics.push_back(std::move(d));
                continue;
            }
            owner = Owner{p, pin.span};
            core_owner.try_emplace(board_cpus[pin.value].core, p);
            result[p].push_back(pin.value);
        }
    }

    for (std::size_t p = 0; p < model.partitions.size(); ++p) {
        const auto& partition = model.partitions[p];
        if (!partition.cpu_pins.empty()) {
            continue;
        }
        for (std::uint32_t cpu = 0; cpu < board_cpus.size() && result[p].size() < partition.cpu_count; ++cpu) {
            if (owners[cpu] || core_owner.try_emplace(board_cpus[cpu].core, p).first->second != p) {
                continue;
            }
            owners[cpu] = Owner{p, partition.cpus_span};
            result[p].push_back(cpu);
        }
        if (result[p].size() < partition.cpu_count) {
            std::size_t wanted = 0;
            for (const auto& each : model.partitions) {
                wanted += each.cpu_pins.empty() ? each.cpu_count : each.cpu_pins.size();
            }
            std::size_t idle = 0;
            for (const auto& owner : owners) {
                idle += owner ? 0U : 1U;
            }
            config::Diagnostic d;
            d.id = "cpu.exists";
            d.message = "`" + partition.name.value + "` needs " + count_of(partition.cpu_count, "cpu") + ", but only " +
                        count_of(result[p].size(), "cpu") + (result[p].size() == 1 ? " is" : " are") +
                        " left for it on board `" + model.board.name.value + "`";
            d.primary = partition.cpus_span.known() ? partition.cpus_span : partition.name.span;
            d.label = std::to_string(partition.cpu_count - result[p].size()) + " too many";
            d.notes.push_back("the partitions want " + count_of(wanted, "cpu") + " in all, the board has " +
                              std::to_string(board_cpus.size()));
            if (idle > 0) {
                d.notes.push_back(count_of(idle, "cpu") +
                                  (idle == 1 ? " stays idle because its" : " stay idle because their") +
                                  " SMT sibling belongs to another partition");
            }
            d.help = "take cpus from a partition, or choose a board with more";
            diagnostics.push_back(std::move(d));
        }
    }
    return result;
}

} // namespace septum::build
