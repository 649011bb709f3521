// SPDX-License-Identifier: Apache-2.0
// The entries of four-level page tables (APM 2 §5.3) read level by level and not address by address: what the present
// entries of a level have in common, and to how many tables they lead. A second reading beside decode_page_table, with
// which it shares nothing but the bytes.
#pragma once

#include "verifier/decode/bytes.hpp"

#include <array>

namespace septum::verifier::decode {

struct TableForm {
    unsigned level = 4; // 4: PML4 … 1: PT
    bool leaf = false;  // entries that map a page; else those that lead to a table
    std::uint64_t count = 0;
    std::uint64_t any = 0;     // bits that one of them has
    std::uint64_t all = ~0ULL; // bits that each of them has
};

struct TableForms {
    std::array<TableForm, 8> forms{}; // downwards; of each level tables, then leaves
    std::uint64_t references = 0;     // entries that lead to a table, and the root's one
    // Of the tables, each counted once, also where it lies outside the memory and can't be read.
    std::uint64_t tables = 0;
    std::uint64_t lowest = ~0ULL; // host-physical
    std::uint64_t highest = 0;
};

// Each table is read once a level, whoever leads to it: linear in the memory's size.
[[nodiscard]] TableForms read_table_forms(const HostMemory& memory, std::uint64_t root);

} // namespace septum::verifier::decode
