// SPDX-License-Identifier: Apache-2.0
// Free host-physical memory while planning: a sorted set of disjoint holes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace septum::build {

class Holes {
public:
    // Adds [base, base + size). Must not overlap what is already free.
    void add(std::uint64_t base, std::uint64_t size);

    // Takes exactly [base, base + size) out; false, and nothing changes, when a byte of it is not free.
    [[nodiscard]] bool take(std::uint64_t base, std::uint64_t size);

    // Takes the lowest `size` bytes whose base is a multiple of `alignment` (a power of two).
    [[nodiscard]] std::optional<std::uint64_t> take_first(std::uint64_t size, std::uint64_t alignment);

    // Takes the highest `size` bytes, whole pages, that end at or below `limit`.
    [[nodiscard]] std::optional<std::uint64_t> take_last(std::uint64_t size, std::uint64_t limit);

    // Whether [base, base + size) is free.
    [[nodiscard]] bool contains(std::uint64_t base, std::uint64_t size) const;

    struct Hole {
        std::uint64_t base = 0;
        std::uint64_t size = 0;
    };
    // The largest hole (the lowest of equals); size 0 when nothing is free.
    [[nodiscard]] Hole largest() const;
    [[nodiscard]] std::uint64_t total() const;

private:
    std::map<std::uint64_t, std::uint64_t> holes_; // base → end
};

} // namespace septum::build
