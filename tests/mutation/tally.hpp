// SPDX-License-Identifier: Apache-2.0
// How many mutants there were, by machine and area, and whether that is enough. Several processes may share the work,
// each judging every so manieth mutant; their tallies are added up.
#pragma once

#include "tests/mutation/world.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace septum::mutation {

struct Count {
    std::size_t made = 0;
    std::size_t effective = 0; // it grants something else
    std::size_t killed = 0;    // and was found out
};

// By machine, then by area. Mutants of the model are the area `model`, which has a floor of its own.
using Areas = std::map<std::string, Count>;
using Tally = std::map<std::string, Areas>;
inline constexpr const char* kModelArea = "model";

void print(const std::string& machine, const Areas& areas);

// What is wanting, a line each: too few effective mutants, an area without one, one that survived. Empty: all is well.
[[nodiscard]] std::string wanting(Machine machine, const Areas& areas);

// One process's part of the work.
struct Shard {
    std::size_t index = 0;
    std::size_t count = 1;

    [[nodiscard]] bool has(std::size_t number) const { return number % count == index; }
};

// "2/4" is the second of four; nothing when it is no such thing.
[[nodiscard]] std::optional<Shard> read_shard(const std::string& text);

// A line for each area: machine, area, made, effective, killed. write() says whether all could be written.
[[nodiscard]] bool write(const Tally& tally, const std::string& path);
// Adds what the file has; says whether it could be read to its end.
[[nodiscard]] bool add(Tally& tally, const std::string& path);

} // namespace septum::mutation
