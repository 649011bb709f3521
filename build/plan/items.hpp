// SPDX-License-Identifier: Apache-2.0
// What wants a place in host-physical memory before the bundle does, and the memory there is.
#pragma once

#include "build/plan/holes.hpp"
#include "build/plan/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace septum::build {

inline constexpr std::uint64_t kLargePage = 2 * kMiB;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}

[[nodiscard]] config::Diagnostic make_error(std::string id, std::string message, config::Span primary,
                                            std::string label);

// Something that wants host-physical memory.
struct Item {
    enum class Kind : std::uint8_t { ram, channel, workspace, event_log, crash_record } kind = Kind::ram;
    std::size_t index = 0; // in the model
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t alignment = kPageSize; // wanted
    std::uint64_t minimum = kPageSize;   // needed
    std::optional<config::Spanned<std::uint64_t>> pin;
    config::Span size_span;
    std::optional<std::uint64_t> base; // the answer
};

// RAM of partitions, channels, and what the kernel needs for itself. A size that cannot be is a diagnostic.
[[nodiscard]] std::vector<Item> items_of(const config::Model& model, std::vector<config::Diagnostic>& diagnostics);

// "`vault`", "channel `request`".
[[nodiscard]] std::string called(const Item& item);

// The board's memory from the kernel's base on, in whole pages.
[[nodiscard]] Holes free_memory(const config::Board& board);

// Those with a pin first, each against the rules, the board, the kernel and the pins before it.
void place_pins(std::vector<Item>& items, Holes& holes, const manifest::Range& kernel, const config::Board& board,
                std::vector<config::Diagnostic>& diagnostics);

// Then the others, those with the strictest alignment first.
void place_rest(std::vector<Item>& items, Holes& holes, const manifest::Range& kernel, const config::Board& board,
                std::vector<config::Diagnostic>& diagnostics);

} // namespace septum::build
