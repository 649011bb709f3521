// SPDX-License-Identifier: Apache-2.0
#include "build/plan/holes.hpp"

#include <algorithm>
#include <iterator>

namespace septum::build {

void Holes::add(std::uint64_t base, std::uint64_t size) {
    if (size == 0) {
        return;
    }
    std::uint64_t end = base + size;
    // Join neighbours, so that a stretch the board file lists in two parts is one hole.
    if (auto next = holes_.find(end); next != holes_.end()) {
        end = next->second;
        holes_.erase(next);
    }
    auto after = holes_.lower_bound(base);
    if (after != holes_.begin()) {
        auto before = std::prev(after);
        if (before->second == base) {
            before->second = end;
            return;
        }
    }
    holes_.emplace(base, end);
}

bool Holes::contains(std::uint64_t base, std::uint64_t size) const {
    auto hole = holes_.upper_bound(base);
    if (hole == holes_.begin()) {
        return false;
    }
    --hole;
    return hole->second >= base && hole->second - base >= size;
}

bool Holes::take(std::uint64_t base, std::uint64_t size) {
    if (!contains(base, size)) {
        return false;
    }
    auto hole = std::prev(holes_.upper_bound(base));
    const std::uint64_t hole_base = hole->first;
    const std::uint64_t hole_end = hole->second;
    holes_.erase(hole);
    if (hole_base < base) {
        holes_.emplace(hole_base, base);
    }
    if (base + size < hole_end) {
        holes_.emplace(base + size, hole_end);
    }
    return true;
}

std::optional<std::uint64_t> Holes::take_first(std::uint64_t size, std::uint64_t alignment) {
    for (const auto& [base, end] : holes_) {
        const std::uint64_t aligned = (base + alignment - 1) & ~(alignment - 1);
        if (aligned >= base && aligned < end && end - aligned >= size) {
            if (take(aligned, size)) {
                return aligned;
            }
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> Holes::take_last(std::uint64_t size, std::uint64_t limit) {
    for (auto hole = holes_.rbegin(); hole != holes_.rend(); ++hole) {
        const std::uint64_t end = std::min(hole->second, limit);
        if (end > hole->first && end - hole->first >= size) {
            const std::uint64_t base = end - size;
            return take(base, size) ? std::optional(base) : std::nullopt;
        }
    }
    return std::nullopt;
}

Holes::Hole Holes::largest() const {
    Hole best;
    for (const auto& [base, end] : holes_) {
        if (end - base > best.size) {
            best = {base, end - base};
        }
    }
    return best;
}

std::uint64_t Holes::total() const {
    std::uint64_t sum = 0;
    for (const auto& [base, end] : holes_) {
        sum += end - base;
    }
    return sum;
}

} // namespace septum::build
