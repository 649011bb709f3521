// SPDX-License-Identifier: Apache-2.0
// A few pages of host-physical memory that a test writes tables into, entry by entry.
#pragma once

#include "verifier/decode/bytes.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace septum::verifier::decode::test {

inline void put(std::vector<std::uint8_t>& bytes, std::uint64_t offset, std::uint64_t value, unsigned size) {
    ASSERT_LE(offset + size, bytes.size());
    for (unsigned i = 0; i < size; ++i) {
        bytes[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
}

class Pages {
public:
    static constexpr std::uint64_t kBase = 0x800'0000;

    explicit Pages(std::uint64_t count, std::uint8_t fill = 0) : bytes(count * kPageSize, fill) {}

    [[nodiscard]] static std::uint64_t page(std::uint64_t number) { return kBase + number * kPageSize; }
    // Entry `index` of the table in page `number`.
    void entry(std::uint64_t number, std::uint64_t index, std::uint64_t value) {
        put(bytes, number * kPageSize + index * 8, value, 8);
    }
    [[nodiscard]] HostMemory memory() const { return {kBase, bytes, kBase, bytes.size()}; }

    std::vector<std::uint8_t> bytes;
};

} // namespace septum::verifier::decode::test
