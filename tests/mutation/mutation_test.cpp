// SPDX-License-Identifier: Apache-2.0
// Soundness by mutation: every mutant that really grants something else must be found out. The dumb interpreter says
// which ones do; the verifier must say `violated` for each of them, and `proved` for what is harmless.
#include "tests/mutation/interpreter.hpp"
#include "tests/mutation/model_mutants.hpp"
#include "tests/mutation/mutants.hpp"
#include "tests/mutation/tally.hpp"
#include "tests/mutation/witness.hpp"
#include "verifier/verifier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string_view>

namespace septum::mutation {

namespace {

constexpr std::uint64_t kSeed = 0x5E97'0001;
constexpr unsigned kTimes = 6; // each operator is applied so many times as often as it asks for

// A longer run by hand: SEPTUM_MUTANTS=20 makes twenty times as many, from other seeds.
unsigned longer() {
    const char* const text = std::getenv("SEPTUM_MUTANTS");
    const unsigned long value = text == nullptr ? 1 : std::strtoul(text, nullptr, 10);
    return value == 0 ? 1 : static_cast<unsigned>(std::min(value, 10'000UL));
}

// This process's part, SEPTUM_SHARD=1/4 for the first of four; all of it when nothing is said.
Shard shard() {
    const char* const text = std::getenv("SEPTUM_SHARD");
    const std::optional<Shard> read = text == nullptr ? Shard{} : read_shard(text);
    if (!read) {
        std::fprintf(stderr, "SEPTUM_SHARD: expected NUMBER/COUNT, found `%s`\n", text);
        std::exit(64);
    }
    return *read;
}

// What all machines have had so far. A part of the work writes it to the file SEPTUM_TALLY, for mutation-sum to add up.
class Book : public testing::Environment {
public:
    static Tally tally;

    void SetUp() override {
        if (const char* const path = std::getenv("SEPTUM_TALLY")) {
            std::remove(path); // what an earlier run left says nothing of this one
        }
    }
    void TearDown() override {
        for (const auto& [machine, areas] : tally) {
            print(machine, areas);
        }
        if (const char* const path = std::getenv("SEPTUM_TALLY")) {
            EXPECT_TRUE(write(tally, path)) << path;
        }
    }
};
Tally Book::tally;
testing::Environment* const book = testing::AddGlobalTestEnvironment(new Book);

std::string verdicts(const verifier::Report& report, verifier::Verdict verdict) {
    std::string out;
    for (const verifier::PropertyResult& result : report.results) {
        if (result.verdict == verdict) {
            out += " " + result.id + (result.reason.empty() ? "" : " (" + result.reason + ")");
            if (!result.findings.empty()) {
                out += ": " + result.findings.front().diagnostic.message + ";";
            }
        }
    }
    return out;
}

// A defect that keeps the image from being read at all refuses it as well.
bool found_out(const verifier::Report& report) {
    return !report.defects.empty() || report.count(verifier::Verdict::violated) != 0;
}

class Mutation : public testing::TestWithParam<Machine> {
protected:
    void SetUp() override {
        world_ = make_world(GetParam());
        ASSERT_TRUE(world_.has_value());
        before_ = interpret(world_->bundle);
        ASSERT_GT(before_.size(), 1000U);
    }

    // The solver takes a hundred times what enumeration takes, so every twelfth mutant is judged both ways.
    [[nodiscard]] verifier::Report verify(const Editor& editor) {
        const bool solver = count_++ % 12 == 0;
        verifier::Report report =
            verifier::verify_bundle(world_->model, editor.kernel, editor.bundle, {.solver = solver});
        EXPECT_EQ(report.count(verifier::Verdict::disagreed), 0U) << verdicts(report, verifier::Verdict::disagreed);
        return report;
    }

    // Applies one operator as often as it asks; tallies by area.
    void run(const Operator& op, Random& random, Areas& areas) {
        // The second board differs in a few tables only: one mutant of each kind is enough there.
        const unsigned times = GetParam() == Machine::xapic    ? longer()
                               : GetParam() == Machine::x2apic ? op.times * kTimes * longer()
                                                               : op.times * longer();
        for (unsigned i = 0; i < times; ++i) {
            Editor editor(*world_);
            op.apply(editor, random);
            if (op.seal) {
                editor.seal();
            }
            Count& count = areas[op.area];
            // Every process makes all mutants, so that all choose alike, and judges its own.
            const bool is_new = fresh(editor);
            if (!shard_.has(number_++)) {
                continue;
            }
            ++count.made;
            if (!is_new) {
                continue; // the same choice again: it shows nothing new
            }
            // What is not sealed again boots no more: the kernel compares the digests. So every such mutant counts.
            const bool changed = editor.bundle != world_->bundle || editor.kernel != world_->kernel;
            const Grants after = interpret(editor.bundle);
            const bool effective = op.seal ? after != before_ : changed;
            if (!effective) {
                // The form of what grants nothing else may be wrong; no grant may be said to be.
                const std::string said = accused(verify(editor));
                EXPECT_TRUE(said.empty())
                    << op.area << ": " << op.what << " (number " << i << ") grants nothing else, but " << said;
                continue;
            }
            ++count.effective;
            const verifier::Report report = verify(editor);
            const bool killed = found_out(report);
            count.killed += killed ? 1 : 0;
            EXPECT_TRUE(killed) << op.area << ": " << op.what << " (number " << i
                                << ") survived; inconclusive:" << verdicts(report, verifier::Verdict::inconclusive);
            EXPECT_FALSE(report.proved()) << op.area << ": " << op.what;
            const Truth truth(before_, after);
            for (const verifier::PropertyResult& result : report.results) {
                EXPECT_EQ(result.reason.find("disagree"), std::string::npos)
                    << op.area << ": " << op.what << ": " << result.id << ": " << result.reason;
                for (const verifier::Finding& finding : result.findings) {
                    const std::optional<bool> held = truth.of(result, finding);
                    count.witnesses += held ? 1 : 0;
                    EXPECT_TRUE(held.value_or(true))
                        << op.area << ": " << op.what << " (number " << i << "): " << result.id << ": "
                        << finding.diagnostic.message << ": " << finding.diagnostic.notes.front() << " is not true";
                }
            }
        }
    }

    [[nodiscard]] bool fresh(const Editor& editor) {
        const auto hash = [](const Bytes& bytes) {
            return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        };
        return seen_.emplace(hash(editor.bundle), hash(editor.kernel)).second;
    }

    std::optional<World> world_;
    std::set<std::pair<std::size_t, std::size_t>> seen_;
    Grants before_;
    std::size_t count_ = 0;
    const Shard shard_ = shard();
    std::size_t number_ = 0; // of the next mutant, which says whose it is
};

TEST_P(Mutation, TheOriginalIsProved) {
    const Editor editor(*world_);
    const verifier::Report report = verify(editor);
    EXPECT_TRUE(report.proved()) << verdicts(report, verifier::Verdict::violated)
                                 << verdicts(report, verifier::Verdict::inconclusive);
}

TEST_P(Mutation, SealingChangesNothingOfTheOriginal) {
    Editor editor(*world_);
    editor.seal();
    EXPECT_EQ(editor.bundle, world_->bundle);
}

TEST_P(Mutation, EveryEffectiveMutantIsFoundOut) {
    Random random(kSeed);
    Areas& areas = Book::tally[name(GetParam())];
    const std::vector<std::vector<Operator>> groups =
        has_devices(GetParam()) ? std::vector<std::vector<Operator>>{device_operators(GetParam() == Machine::amd_vi)}
                                : std::vector<std::vector<Operator>>{memory_operators(), table_operators(),
                                                                     manifest_operators(), digest_operators()};
    for (const auto& operators : groups) {
        for (const Operator& op : operators) {
            run(op, random, areas);
        }
    }
}

// The same bundle, and a file that says something else.
TEST_P(Mutation, EveryMutantOfTheModelIsFoundOut) {
    const Grants before = demanded(world_->model);
    const Editor editor(*world_);
    Count& count = Book::tally[name(GetParam())][kModelArea];
    for (const ModelMutant& mutant : has_devices(GetParam()) ? device_model_mutants() : model_mutants()) {
        if (!shard_.has(number_++)) {
            continue;
        }
        ++count.made;
        std::string text = appliance(GetParam());
        const std::string_view from = mutant.from;
        ASSERT_NE(text.find(from), std::string::npos) << mutant.what;
        for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + from.size())) {
            text.replace(at, from.size(), mutant.to);
        }
        const std::optional<config::Model> model = load(text);
        EXPECT_TRUE(model.has_value()) << mutant.what << " is not even a model";
        if (!model) {
            continue;
        }
        const bool renamed = model->name.value != world_->model.name.value;
        EXPECT_TRUE(renamed || demanded(*model) != before) << mutant.what << " demands nothing else";
        ++count.effective;
        const verifier::Report report = verifier::verify_bundle(*model, editor.kernel, editor.bundle, {});
        const bool killed = found_out(report);
        count.killed += killed ? 1 : 0;
        EXPECT_TRUE(killed) << mutant.what
                            << " survived; inconclusive:" << verdicts(report, verifier::Verdict::inconclusive);
    }
}

TEST_P(Mutation, HarmlessChangesStayProved) {
    Random random(kSeed);
    for (const Operator& op : harmless_operators()) {
        for (unsigned i = 0; i < op.times; ++i) {
            Editor editor(*world_);
            op.apply(editor, random);
            if (!shard_.has(number_++)) {
                continue;
            }
            editor.seal();
            const verifier::Report report = verify(editor);
            EXPECT_TRUE(report.proved()) << op.what << ":" << verdicts(report, verifier::Verdict::violated)
                                         << verdicts(report, verifier::Verdict::inconclusive);
        }
    }
}

// The whole, where one process does it; mutation-sum says the same of several.
TEST_P(Mutation, ThereAreEnough) {
    if (shard().count > 1) {
        GTEST_SKIP() << "a part of the work: mutation-sum counts";
    }
    EXPECT_EQ(wanting(GetParam(), Book::tally[name(GetParam())]), "");
}

INSTANTIATE_TEST_SUITE_P(Boards, Mutation,
                         testing::Values(Machine::x2apic, Machine::xapic, Machine::vt_d, Machine::amd_vi),
                         [](const auto& board) { return name(board.param); });

} // namespace

} // namespace septum::mutation
