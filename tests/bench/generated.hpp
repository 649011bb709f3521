// SPDX-License-Identifier: Apache-2.0
// Large systems made by the dozen, for timing: nobody wrote them and nobody runs them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace septum::bench {

struct Shape {
    unsigned partitions = 0;  // one CPU each, 1 .. 64
    std::uint64_t memory = 0; // MiB each
    bool small_pages = false; // 4 KiB everywhere in the nested tables
    bool channels = false;    // a ring of them, each with a doorbell
};

// A board with as many CPUs and as much memory as the shape takes, as a board file.
[[nodiscard]] std::string board_file(const Shape& shape);
// The appliance on it; it names its board `generated` and its payload `nothing.elf`.
[[nodiscard]] std::string appliance_file(const Shape& shape);
// The smallest native payload: an ELF that halts.
[[nodiscard]] std::vector<std::uint8_t> halting_elf();

} // namespace septum::bench
