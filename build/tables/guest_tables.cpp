// SPDX-License-Identifier: Apache-2.0
#include "build/tables/guest_tables.hpp"

#include "build/tables/page_tables.hpp"

namespace septum::build {

void write_guest_tables(Gpa base, ByteSpan out) {
    const std::uint64_t table = pte::kPresent | pte::kWrite | pte::kAccessed;
    const std::uint64_t leaf = table | pte::kDirty | pte::kPageSize;
    store64(out, 0, (base.value + 4096) | table);
    for (std::uint64_t directory = 0; directory < 4; ++directory) {
        store64(out, 4096 + directory * 8, (base.value + (2 + directory) * 4096) | table);
    }
    for (std::uint64_t page = 0; page < std::uint64_t{4} * 512; ++page) {
        store64(out, std::size_t{2} * 4096 + page * 8, page * 2 * kMiB | leaf);
    }
}

} // namespace septum::build
