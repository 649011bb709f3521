// SPDX-License-Identifier: Apache-2.0
// The solver on what is no interval: words of records, texts, and registers of which nobody knows the value.
#include "verifier/properties/shared/words.hpp"
#include "verifier/smt/record.hpp"

#include <gtest/gtest.h>

namespace septum::verifier::smt {

namespace {

constexpr unsigned kTimeout = 10000;
constexpr std::uint32_t kAny = ~0U;

Result words(const std::vector<Word>& all) {
    return words_allowed("q", all, kTimeout).result;
}

TEST(Words, MayHoldWhatLiesBetweenAndNothingElse) {
    EXPECT_EQ(words({}), Result::proved);
    EXPECT_EQ(words({{5, ~0ULL, 5, 5}, {0, ~0ULL, 0, 3}, {3, ~0ULL, 0, 3}}), Result::proved);
    EXPECT_EQ(words({{5, ~0ULL, 5, 5}, {4, ~0ULL, 0, 3}}), Result::violated);
    EXPECT_EQ(words({{1, ~0ULL, 2, 3}}), Result::violated);
    EXPECT_EQ(words({{~0ULL, ~0ULL, 1, ~0ULL}}), Result::proved) << "unsigned";
    EXPECT_EQ(words({{1ULL << 63, ~0ULL, 0, 1}}), Result::violated) << "all 64 bits count";
}

TEST(Words, AreLookedAtThroughTheirMask) {
    EXPECT_EQ(words({{0xF5, 0x0F, 5, 5}}), Result::proved);
    EXPECT_EQ(words({{0xF5, 0x1F, 5, 5}}), Result::violated);
    EXPECT_EQ(words({{0xF5, 0, 0, 0}}), Result::proved);
}

TEST(Words, SayWhichPlaceIsWrong) {
    std::vector<Word> all(1'000, Word{7, ~0ULL, 7, 7});
    EXPECT_EQ(words(all), Result::proved);
    all[613].found = 8;
    const Answer answer = words_allowed("q", all, kTimeout);
    EXPECT_EQ(answer.result, Result::violated);
    EXPECT_EQ(answer.witness, 613U);
}

TEST(Words, HoldTextsOfTheSameLengthAndLetters) {
    const auto same = [](std::string_view found, std::string_view expected) {
        verifier::Words gathered;
        gathered.text(found, expected);
        return gathered.allowed("q", kTimeout).result == Result::proved;
    };
    EXPECT_TRUE(same("", ""));
    EXPECT_TRUE(same("the gateway", "the gateway"));
    EXPECT_FALSE(same("the gatewaz", "the gateway"));
    EXPECT_FALSE(same("the gateway", "the gateway "));
    EXPECT_FALSE(same("", "a"));
    EXPECT_FALSE(same(std::string_view("a\0", 2), "a"));
}

TEST(Words, HoldEveryByteOfADigest) {
    for (std::size_t i = 0; i < 32; ++i) {
        DigestFact digest;
        digest.claimed.bytes[i] = 1;
        verifier::Words gathered;
        gathered.digest(digest);
        EXPECT_EQ(gathered.allowed("q", kTimeout).result, Result::violated) << i;
    }
}

TEST(Texts, AreThoseThatMayBeAndThoseThatMust) {
    const auto texts = [](const std::vector<std::string>& found) {
        return texts_allowed("q", found, {"kernel"}, {"kernel", "efi"}, kTimeout).result;
    };
    EXPECT_EQ(texts({"kernel"}), Result::proved);
    EXPECT_EQ(texts({"efi", "kernel", "kernel"}), Result::proved);
    EXPECT_EQ(texts({"efi"}), Result::violated) << "what must be is not there";
    EXPECT_EQ(texts({"kernel", "more"}), Result::violated);
    EXPECT_EQ(texts({"kernel", "kernel2"}), Result::violated);
    EXPECT_EQ(texts({"kernel", ""}), Result::violated);
    EXPECT_EQ(texts({"kernel", std::string(1 << 20, 'k')}), Result::violated) << "however long";
    EXPECT_EQ(texts({"kernel", std::string("efi\0", 4)}), Result::violated);
    EXPECT_EQ(texts_allowed("q", {}, {}, {}, kTimeout).result, Result::proved);
}

TEST(Registers, ShowNoHiddenBitOnAnyProcessor) {
    const std::vector<CpuidBits> hidden{{1, kAny, 2, 0x20}, {7, 1, 0, 0x1}};
    const auto shown = [&](const CpuidWord& word) {
        return never_shown("q", {{3, 0, 0, ~0U, 0}, word}, hidden, kAny, kTimeout).result;
    };
    EXPECT_EQ(shown({1, 0, 2, ~0x20U, 0}), Result::proved);
    EXPECT_EQ(shown({1, 0, 2, 0x20, 0}), Result::violated) << "a processor has it";
    EXPECT_EQ(shown({1, 5, 2, 0, 0x20}), Result::violated) << "set whatever the processor has";
    EXPECT_EQ(shown({1, 0, 3, ~0U, 0}), Result::proved) << "another register";
    EXPECT_EQ(shown({2, 0, 2, ~0U, 0}), Result::proved) << "another leaf";
    EXPECT_EQ(shown({7, 2, 0, 1, 0}), Result::proved) << "another subleaf";
    EXPECT_EQ(shown({7, 1, 0, 1, 0}), Result::violated);
    EXPECT_EQ(shown({7, kAny, 0, 1, 0}), Result::violated);
}

TEST(Registers, AreAsNeededWhenWhatIsAskedImpliesIt) {
    const auto implied = [](const Demand& needed, const std::vector<Demand>& made) {
        return all_implied("q", {{needed, made}}, kTimeout).result == Result::proved;
    };
    EXPECT_TRUE(implied({0x4, 0x4, false}, {{0x4, 0x4, false}}));
    EXPECT_TRUE(implied({0x4, 0x4, false}, {{0x2, 0, false}, {0x6, 0x4, false}}));
    EXPECT_FALSE(implied({0x4, 0x4, false}, {}));
    EXPECT_FALSE(implied({0x4, 0x4, false}, {{0x4, 0, false}}));
    EXPECT_FALSE(implied({0x6, 0x4, false}, {{0x4, 0x4, false}}));
    EXPECT_TRUE(implied({0xFF, 48, true}, {{0xFF, 52, true}}));
    EXPECT_TRUE(implied({0xFF, 48, true}, {{0xFFFF, 0x3030, false}}));
    EXPECT_FALSE(implied({0xFF, 48, true}, {{0xFF, 47, true}}));
    EXPECT_FALSE(implied({0xFF, 48, true}, {{0x1FF, 48, true}})) << "256 is no less than 48, and has no address bits";
    EXPECT_TRUE(implied({0xFF, 48, true}, {{0x1FF, 0x130, true}}));
    EXPECT_EQ(all_implied("q", {{{1, 1, false}, {{1, 1, false}}}, {{2, 2, false}, {}}}, kTimeout).result,
              Result::violated)
        << "one that is not is enough";
}

TEST(Together, IsProvedWhenAllAre) {
    const auto answer = [](Result result) {
        Answer out;
        out.query = smt::name(result);
        out.result = result;
        return out;
    };
    const auto all = [&](std::initializer_list<Result> results) {
        std::vector<Answer> answers;
        for (const Result result : results) {
            answers.push_back(answer(result));
        }
        return together(std::move(answers)).result;
    };
    EXPECT_EQ(all({Result::proved, Result::proved}), Result::proved);
    EXPECT_EQ(all({Result::proved, Result::violated, Result::proved}), Result::violated);
    EXPECT_EQ(all({Result::violated, Result::timeout}), Result::timeout);
    EXPECT_EQ(all({Result::error, Result::violated}), Result::error);
}

TEST(Recording, KeepsQuestionsOfBitsWithTheirLogic) {
    std::vector<Question> questions;
    {
        const Recording recording(questions);
        (void)words({{5, ~0ULL, 5, 5}});
        (void)never_twice("q", {{0, 1, 0}}, kTimeout);
    }
    ASSERT_EQ(questions.size(), 4U);
    EXPECT_EQ(questions[0].logic, "QF_BV");
    EXPECT_TRUE(questions[0].satisfiable);
    EXPECT_FALSE(questions[1].satisfiable);
    EXPECT_NE(questions[1].smt_lib.find("bvand"), std::string::npos) << "folded: " << questions[1].smt_lib;
    EXPECT_EQ(questions[2].logic, "QF_LIA");
    questions.clear();
    {
        const Recording recording(questions);
        (void)words({});
    }
    ASSERT_EQ(questions.size(), 2U);
    EXPECT_EQ(questions[1].smt_lib.find("(or"), std::string::npos) << "of nothing: " << questions[1].smt_lib;
}

} // namespace

} // namespace septum::verifier::smt
