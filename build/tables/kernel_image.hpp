// SPDX-License-Identifier: Apache-2.0
// The kernel's ELF as far as the builder needs to know it: its segments, its extent, its digest.
#pragma once

#include "build/tables/bytes.hpp"
#include "config/source.hpp"

#include <septum/manifest/manifest.hpp>

#include <vector>

namespace septum::build {

struct KernelSegment {
    std::uint64_t base = 0;      // physical = virtual
    std::uint64_t file_size = 0; // bytes
    std::uint64_t memory_size = 0;
    std::uint64_t file_offset = 0;
    bool write = false;
    bool execute = false;
    bool boot_only = false; // layout::kSegmentBootOnly: gone after launch
};

struct KernelImage {
    std::vector<KernelSegment> segments; // PT_LOAD, in file order
    manifest::Range range{};             // [layout::kKernelBase, the end rounded up to a page)
    manifest::Digest digest{};           // SHA-256 over the segments without PF_W, p_filesz bytes each
    manifest::Digest file_digest{};      // SHA-256 of the whole file
};

// Reads and checks the kernel. Errors: not an ELF64 for x86-64, truncated, not linked as septum/manifest/layout.hpp
// says, a resident segment both writable and executable, two rights in one page.
[[nodiscard]] config::Outcome<KernelImage> read_kernel(ByteView elf);

} // namespace septum::build
