// SPDX-License-Identifier: Apache-2.0
#include "build/tables/page_tables.hpp"

#include <algorithm>

namespace septum::build {
namespace {

constexpr std::uint64_t kEntries = 512;

// Bytes that one entry of a table of this level covers: 4 → 512 GiB, 3 → 1 GiB, 2 → 2 MiB, 1 → 4 KiB.
constexpr std::uint64_t entry_size(int level) {
    return kPageSize << (9 * (level - 1));
}

// One walk for both counting and writing, so that the two can never disagree.
class Walker {
public:
    Walker(const PageTableShape& shape, Hpa base, ByteSpan out) : shape_(shape), base_(base), out_(out) {}

    // Makes the table of `level` whose first entry maps `start`; the mappings all reach into it. Returns its number.
    std::uint64_t table(int level, std::uint64_t start, std::span<const Mapping> mappings) {
        const std::uint64_t number = next_++;
        const std::uint64_t step = entry_size(level);
        const std::uint64_t limit = start + kEntries * step;
        std::size_t first = 0;
        std::uint64_t at = start;
        while (first < mappings.size() && at < limit) {
            const Mapping& mapping = mappings[first];
            if (mapping.from + mapping.size <= at) {
                ++first;
                continue;
            }
            at = std::max(at, mapping.from) & ~(step - 1);
            if (at >= limit) {
                break;
            }
            if (is_leaf(level, at, mapping)) {
                at = leaves(number, level, start, at, limit, mapping);
                continue;
            }
            // Everything that reaches into this entry goes into one table below it.
            std::size_t last = first;
            while (last < mappings.size() && mappings[last].from < at + step) {
                ++last;
            }
            const std::uint64_t child = table(level - 1, at, mappings.subspan(first, last - first));
            const auto below = static_cast<std::uint64_t>(level - 1);
            const std::uint64_t said = shape_.level_shift != 0 ? below << shape_.level_shift : 0;
            entry(number, (at - start) / step, (base_.value + child * kPageSize) | shape_.table_bits | said);
            at += step;
        }
        return number;
    }

    [[nodiscard]] std::uint64_t count() const { return next_; }

private:
    [[nodiscard]] bool is_leaf(int level, std::uint64_t at, const Mapping& mapping) const {
        const std::uint64_t step = entry_size(level);
        return level == 1 ||
               (level <= 3 && step <= shape_.largest_page && mapping.from <= at &&
                mapping.from + mapping.size - at >= step && ((mapping.to + (at - mapping.from)) & (step - 1)) == 0);
    }

    // All the leaves of one mapping in this table, in one go. Returns where they end.
    std::uint64_t leaves(std::uint64_t number, int level, std::uint64_t start, std::uint64_t at, std::uint64_t limit,
                         const Mapping& mapping) {
        const std::uint64_t step = entry_size(level);
        const std::uint64_t count = (std::min(limit, mapping.from + mapping.size) - at) / step;
        if (!out_.empty()) {
            const std::uint64_t bits = mapping.leaf | (level > 1 ? shape_.large_bits : 0);
            std::uint64_t target = mapping.to + (at - mapping.from);
            for (std::uint64_t i = 0; i < count; ++i, target += step) {
                entry(number, (at - start) / step + i, target | bits);
            }
        }
        return at + count * step;
    }

    void entry(std::uint64_t number, std::uint64_t index, std::uint64_t value) {
        if (!out_.empty()) {
            store64(out_, number * kPageSize + index * 8, value);
        }
    }

    PageTableShape shape_;
    Hpa base_;
    ByteSpan out_;
    std::uint64_t next_ = 0;
};

} // namespace

bool uses_huge_pages(std::span<const Mapping> mappings, const PageTableShape& shape) {
    if (shape.largest_page < kGiB) {
        return false;
    }
    return std::any_of(mappings.begin(), mappings.end(), [](const Mapping& mapping) {
        const std::uint64_t first = (mapping.from + kGiB - 1) & ~(kGiB - 1);
        const std::uint64_t skipped = first - mapping.from;
        return mapping.size >= skipped && mapping.size - skipped >= kGiB && ((mapping.to + skipped) & (kGiB - 1)) == 0;
    });
}

std::uint64_t count_tables(std::span<const Mapping> mappings, const PageTableShape& shape) {
    Walker walker(shape, Hpa{0}, {});
    walker.table(shape.levels, 0, mappings);
    return walker.count();
}

void write_tables(std::span<const Mapping> mappings, const PageTableShape& shape, Hpa base, ByteSpan out) {
    Walker walker(shape, base, out);
    walker.table(shape.levels, 0, mappings);
}

} // namespace septum::build
