// SPDX-License-Identifier: Apache-2.0
// Storms of faults end, whoever makes them.
#include "kernel/x86_64/iommu/fault.hpp"

#include <gtest/gtest.h>

namespace septum::kernel::iommu {
namespace {

using Verdict = FaultBook::Verdict;

TEST(FaultBook, SixteenOfOneRequesterAreSaid) {
    FaultBook book;
    for (u32 i = 1; i < 16; i++) {
        EXPECT_EQ(book.note(0x300), Verdict::say) << i;
    }
    EXPECT_EQ(book.note(0x300), Verdict::say_last);
    EXPECT_EQ(book.note(0x300), Verdict::say_nothing);
    EXPECT_EQ(book.note(0x308), Verdict::say); // another one is still heard
}

TEST(FaultBook, WhoGoesOnAllTheSameSilencesTheUnit) {
    FaultBook book;
    for (u32 i = 1; i < FaultBook::kTolerated; i++) {
        EXPECT_NE(book.note(0x300), Verdict::silence) << i;
    }
    EXPECT_EQ(book.note(0x300), Verdict::silence);
}

TEST(FaultBook, TooManyRequestersSilenceTheUnit) {
    FaultBook book;
    for (u32 i = 0; i < FaultBook::kRequesters; i++) {
        EXPECT_EQ(book.note(static_cast<u16>(i)), Verdict::say) << i; // requester 0 is one like others
    }
    EXPECT_EQ(book.note(0x1234), Verdict::silence);
    EXPECT_EQ(book.note(0), Verdict::say);
}

TEST(FaultBook, ANewLifeBeginsAnew) {
    FaultBook book;
    for (u32 i = 0; i < 16; i++) {
        book.note(0x300);
    }
    book.note(0x308);
    book.forget(0x300);
    book.forget(0x310); // never seen
    for (u32 i = 1; i < 15; i++) {
        EXPECT_EQ(book.note(0x300), Verdict::say) << i;
    }
    EXPECT_EQ(book.note(0x300), Verdict::say_last);
    EXPECT_EQ(book.note(0x308), Verdict::say);
}

TEST(FaultBook, EveryStormEnds) {
    FaultBook book;
    u32 said = 0;
    u32 noted = 0;
    for (Verdict verdict = Verdict::say; verdict != Verdict::silence; noted++) {
        ASSERT_LT(noted, 10'000U);
        verdict = book.note(static_cast<u16>(noted * 7919 % FaultBook::kRequesters));
        said += verdict == Verdict::say || verdict == Verdict::say_last ? 1 : 0;
    }
    EXPECT_LE(said, FaultBook::kRequesters * FaultBook::kSaid);
}

} // namespace
} // namespace septum::kernel::iommu
