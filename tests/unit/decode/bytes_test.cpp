// SPDX-License-Identifier: Apache-2.0
#include "memory.hpp"

namespace septum::verifier::decode {
namespace {

const std::uint8_t kBytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09};

TEST(Bytes, ReadsLittleEndian) {
    EXPECT_EQ(le8(kBytes, 8), 0x09);
    EXPECT_EQ(le16(kBytes, 0), 0x0201);
    EXPECT_EQ(le32(kBytes, 1), 0x05040302U);
    EXPECT_EQ(le64(kBytes, 1), 0x0908070605040302ULL);
}

TEST(Bytes, RefusesWhatIsNotWhollyInside) {
    EXPECT_FALSE(le8(kBytes, 9));
    EXPECT_FALSE(le64(kBytes, 2));
    EXPECT_FALSE(le32(kBytes, ~0ULL));
    EXPECT_FALSE(le32(kBytes, ~0ULL - 3));
    EXPECT_FALSE(slice(kBytes, 4, ~0ULL));
    EXPECT_TRUE(slice(kBytes, 9, 0));
    EXPECT_FALSE(slice(kBytes, 10, 0));
}

TEST(Bytes, Hex) {
    EXPECT_EQ(hex(std::uint64_t{0}), "0x0");
    EXPECT_EQ(hex(0x4020'0000ULL), "0x40200000");
    EXPECT_EQ(hex(~0ULL), "0xffffffffffffffff");
}

TEST(Defects, CountsMoreThanItKeeps) {
    Defects defects;
    for (unsigned i = 0; i < 1000; ++i) {
        defects.add(DefectKind::reserved_bits, "entry", i, 0, 1);
    }
    EXPECT_EQ(defects.kept().size(), Defects::kKept);
    EXPECT_EQ(defects.total(), 1000U);
    EXPECT_EQ(defects.count(DefectKind::reserved_bits), 1000U);
    EXPECT_FALSE(defects.has(DefectKind::checksum));
    Defects more;
    more.append(defects);
    EXPECT_EQ(more.total(), 1000U);
    EXPECT_TRUE(more.has(DefectKind::reserved_bits));
}

TEST(Defects, SaysPlaceExpectedAndFound) {
    const auto diagnostic =
        to_diagnostic({DefectKind::reserved_bits, "pd entry 3", 0x1018, 0x87, 0x2087}, "mem.reserved-bits");
    EXPECT_EQ(diagnostic.message, "pd entry 3: expected 0x87, found 0x2087");
    ASSERT_EQ(diagnostic.notes.size(), 1U);
    EXPECT_EQ(diagnostic.notes[0], "at 0x1018 (reserved-bits)");
}

TEST(HostMemory, KnowsItsBounds) {
    const HostMemory memory{0x1000, kBytes, 0x1004, 4};
    EXPECT_TRUE(memory.at(0x1000, 9));
    EXPECT_FALSE(memory.at(0xFFF, 1));
    EXPECT_FALSE(memory.at(0x1008, 2));
    EXPECT_TRUE(memory.sealed(0x1004, 4));
    EXPECT_FALSE(memory.sealed(0x1003, 1));
    EXPECT_FALSE(memory.sealed(0x1004, 5));
    EXPECT_FALSE(memory.sealed(~0ULL, 2));
}

TEST(GuestMemory, IsZeroWhereNoSegmentLies) {
    const GuestMemory memory({{0x1000, kBytes}, {0x1004, ByteSpan(kBytes).first(1)}});
    const auto bytes = memory.read(0xFFE, 8);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(*bytes, (std::vector<std::uint8_t>{0, 0, 1, 2, 3, 4, 1, 6})); // the later segment lies over the earlier
    EXPECT_FALSE(memory.read(~0ULL - 2, 8));
    EXPECT_FALSE(memory.read(0, 17 * kMiB));
    EXPECT_TRUE(memory.touched(0x1008, 1));
    EXPECT_FALSE(memory.touched(0x1009, 1));
    const GuestMemory wrapping({{~0ULL - 2, kBytes}});
    EXPECT_EQ(wrapping.read(0, 4), (std::vector<std::uint8_t>{0, 0, 0, 0}));
}

} // namespace
} // namespace septum::verifier::decode
