// SPDX-License-Identifier: Apache-2.0
// A whole appliance made by hand: a kernel, a bundle of two partitions with one channel, an image around them.
#pragma once

#include "memory.hpp"

#include <septum/manifest/manifest.hpp>

#include <string>

namespace septum::verifier::decode::test {

using Bytes = std::vector<std::uint8_t>;

// Three segments: text (R X), data (RW, 16 bytes in the file), boot-only text.
[[nodiscard]] Bytes make_kernel();

// Sectors: 16 descriptor, 17 end, 20 root, 21 /boot, 22 /boot/grub, files behind.
[[nodiscard]] Bytes make_iso(const Bytes& kernel, const Bytes& bundle);

// Where things lie in the bundle; page numbers count from the bundle's start.
struct World {
    static constexpr std::uint64_t kBase = 0x400'0000;
    static constexpr std::uint64_t kTables = 2; // the manifest takes two pages
    static constexpr std::uint64_t kKernelPml4 = 2, kKernelPdpt = 3, kKernelPd = 4, kKernelPt = 5;
    static constexpr std::uint64_t kRootTable = 6, kInterruptTable = 7;
    static constexpr std::uint64_t kPartition[2] = {8, 20}; // NPT 4, IOPM 3, MSRPM 2, VMCB 2: eleven pages each
    static constexpr std::uint64_t kPayload = 32;
    static constexpr std::uint64_t kPages = 34;
    static constexpr std::uint64_t kRam[2] = {0x1000'0000, 0x1020'0000};
    static constexpr std::uint64_t kChannel = 0x1040'0000;
    static constexpr std::uint64_t kWorkspace = 0x300'0000;

    Bytes kernel;
    Bytes bundle;

    [[nodiscard]] static std::uint64_t place(std::uint64_t page) { return kBase + page * kPageSize; }
    void entry(std::uint64_t page, std::uint64_t index, std::uint64_t value) {
        put(bundle, page * kPageSize + index * 8, value, 8);
    }
    [[nodiscard]] manifest::Header header() const;
    void set_header(const manifest::Header& header);
    // After a change: the digests are made to fit again.
    void seal();
};

[[nodiscard]] World make_world();

// The same, and `left` owns a function 02:00.0 with one BAR, MSI-X, and a bridge above it: manifest records only.
[[nodiscard]] World make_device_world();

} // namespace septum::verifier::decode::test
