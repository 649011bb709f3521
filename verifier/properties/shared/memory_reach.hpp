// SPDX-License-Identifier: Apache-2.0
// What tables make partitions reach, beside what is declared.
#pragma once

#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

namespace septum::verifier {

// One key for all partitions: the number of the partition above 48 bits of guest-physical address (four levels of
// page table can translate no more).
inline constexpr unsigned kGpaBits = 48;

[[nodiscard]] std::uint64_t reach_key(std::uint64_t partition, std::uint64_t gpa);

struct Reached {
    std::string name;
    const config::Partition* partition; // null: not in the model
};

// Every partition of the image behind one another, those of the model first and at their index there.
struct ReachWorld {
    std::vector<Reached> partitions;
    Pieces actual;
    Pieces expected;
};

template <typename Actual, typename Expected>
ReachWorld gather_reach(const Context& context, Actual&& actual_value, Expected&& expected_value) {
    ReachWorld world;
    const auto add = [&](const PartitionFacts& facts, std::uint64_t index) {
        for (const Interval& interval : facts.npt.intervals) {
            world.actual.push_back({reach_key(index, interval.gpa), reach_key(index, interval.gpa) + interval.size,
                                    actual_value(interval)});
        }
    };
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const config::Partition& partition = context.model.partitions[i];
        world.partitions.push_back({partition.name.value, &partition});
        const PlacedPartition& placed = context.places->partitions[i];
        if (placed.facts == nullptr) {
            continue;
        }
        add(*placed.facts, i);
        expected_value(i, [&](std::uint64_t first, std::uint64_t end, std::uint64_t value) {
            world.expected.push_back({reach_key(i, first), reach_key(i, end), value});
        });
    }
    for (const PartitionFacts* facts : context.places->undeclared) {
        add(*facts, world.partitions.size());
        world.partitions.push_back({facts->name, nullptr});
    }
    // The tree of the solver is made of the decoded intervals; enumeration joins them, so the two don't share this.
    return world;
}

[[nodiscard]] const Grant* grant_at(const Context& context, std::uint64_t partition, std::uint64_t gpa);

// What the three comparisons have in common: sweep, say what differs, ask the solver.
template <typename Describe>
void compare_reach(const Context& context, Judge& judge, const ReachWorld& world, bool both, const char* query,
                   Describe&& describe) {
    std::vector<Difference> found = differences(joined(world.actual), joined(world.expected));
    if (both) {
        std::erase_if(found, [](const Difference& d) { return d.left == kAbsent || d.right == kAbsent; });
    }
    for (const Difference& difference : found) {
        const std::uint64_t index = difference.first >> kGpaBits;
        const std::uint64_t gpa = difference.first & ((1ULL << kGpaBits) - 1);
        const std::uint64_t end = gpa + (difference.end - difference.first);
        const Reached& reached = world.partitions[index < world.partitions.size() ? index : 0];
        const Grant* grant = grant_at(context, index, gpa);
        Said said = describe(difference, reached, grant, gpa, end);
        said.partitions.push_back(reached.name);
        said.notes.insert(said.notes.begin(), "guest-physical " + range(gpa, end));
        if (grant != nullptr) {
            said.primary = grant->span;
        } else if (reached.partition != nullptr) {
            said.primary = reached.partition->name.span;
        }
        judge.violated(std::move(said));
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions(query, sorted(world.actual), sorted(world.expected), both, timeout);
    });
}

} // namespace septum::verifier
