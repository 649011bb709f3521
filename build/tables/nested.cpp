// SPDX-License-Identifier: Apache-2.0
#include "build/tables/nested.hpp"

#include <algorithm>

namespace septum::build {
namespace {

// A nested walk is a user access to the processor, so US is set throughout (APM 2 §15.25.5). Accessed and dirty are
// preset, so that the processor never writes to the sealed tables (§15.25.4). PWT = PCD = PAT = 0 selects entry 0 of
// the host's PAT, write-back (§15.25.8); PWT = PCD = 1 selects entry 3, uncacheable, for device memory.
constexpr std::uint64_t kTable = pte::kPresent | pte::kWrite | pte::kUser | pte::kAccessed;
constexpr std::uint64_t kLeaf = pte::kPresent | pte::kUser | pte::kAccessed | pte::kDirty;

} // namespace

std::vector<Mapping> nested_mappings(const PlannedPartition& partition) {
    std::vector<Mapping> mappings;
    for (const auto& region : partition.regions) {
        Mapping mapping;
        mapping.from = region.gpa.value;
        mapping.to = region.hpa.value;
        mapping.size = region.size;
        mapping.leaf = kLeaf;
        if ((region.access & manifest::kWrite) != 0) {
            mapping.leaf |= pte::kWrite;
        }
        if (region.type == manifest::MemoryType::uncacheable) {
            mapping.leaf |= pte::kCacheDisable | pte::kWriteThrough;
        }
        if ((region.access & manifest::kExecute) == 0) {
            mapping.leaf |= pte::kNoExecute;
        }
        mappings.push_back(mapping);
    }
    std::sort(mappings.begin(), mappings.end(), [](const Mapping& a, const Mapping& b) { return a.from < b.from; });
    return mappings;
}

PageTableShape nested_shape(const config::Partition& partition, const config::Board& board) {
    PageTableShape shape;
    shape.largest_page = std::min(partition.largest_page, board.huge_pages_1g ? kGiB : 2 * kMiB);
    shape.table_bits = kTable;
    return shape;
}

} // namespace septum::build
