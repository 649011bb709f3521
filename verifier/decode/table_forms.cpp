// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/table_forms.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace septum::verifier::decode {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kHere = 0x1;                    // P
constexpr std::uint64_t kMapsPage = 0x80;               // PS, in a PDPE or PDE
constexpr std::uint64_t kFrame = 0x000F'FFFF'FFFF'F000; // 51:12

void add(TableForm& form, std::uint64_t entry) {
    ++form.count;
    form.any |= entry;
    form.all &= entry;
}

void once_each(std::vector<std::uint64_t>& pages) {
    std::sort(pages.begin(), pages.end());
    pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
}

} // namespace

TableForms read_table_forms(const HostMemory& memory, std::uint64_t root) {
    TableForms out;
    std::vector<std::uint64_t> every;
    std::vector<std::uint64_t> level_tables{root & kFrame};
    out.references = 1;
    for (unsigned level = 4; level >= 1; --level) {
        TableForm tables;
        TableForm leaves;
        tables.level = leaves.level = level;
        leaves.leaf = true;
        std::vector<std::uint64_t> below;
        once_each(level_tables);
        every.insert(every.end(), level_tables.begin(), level_tables.end());
        for (const std::uint64_t table : level_tables) {
            const auto bytes = memory.at(table, kPageSize);
            for (std::uint64_t at = 0; bytes && at < kPageSize; at += 8) {
                std::uint64_t entry = 0;
                std::memcpy(&entry, bytes->data() + at, sizeof entry);
                if ((entry & kHere) == 0) {
                    continue;
                }
                if (level == 1 || (level < 4 && (entry & kMapsPage) != 0)) {
                    add(leaves, entry);
                } else {
                    add(tables, entry);
                    below.push_back(entry & kFrame);
                }
            }
        }
        out.references += tables.count;
        out.forms[8 - 2 * std::size_t{level}] = tables;
        out.forms[9 - 2 * std::size_t{level}] = leaves;
        level_tables = std::move(below);
    }
    once_each(every);
    out.tables = every.size();
    out.lowest = every.front();
    out.highest = every.back();
    return out;
}

} // namespace septum::verifier::decode
