// SPDX-License-Identifier: Apache-2.0
// Soundness by mutation: every mutant that really grants something else must be found out. The dumb interpreter says
// which ones do; the verifier must say `violated` for each of them, and `proved` for what is harmless.
#include "tests/mutation/interpreter.hpp"
#include "tests/mutation/model_mutants.hpp"
#include "tests/mutation/mutants.hpp"
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
constexpr unsigned kTimes = 6;            // each operator is applied so many times as often as it asks for
constexpr std::size_t kFloor = 1000;      // effective mutants at least, over all areas, all of them different
constexpr std::size_t kSecondFloor = 100; // the same on each other board

// A longer run by hand: SEPTUM_MUTANTS=20 makes twenty times as many, from other seeds.
unsigned longer() {
    const char* const text = std::getenv("SEPTUM_MUTANTS");
    const unsigned long value = text == nullptr ? 1 : std::strtoul(text, nullptr, 10);
    return value == 0 ? 1 : static_cast<unsigned>(std::min(value, 10'000UL));
}

struct Tally {
    std::size_t made = 0;
    std::size_t effective = 0;
    std::size_t killed = 0;
    std::size_t witnesses = 0; // that name a place of a grant, and were looked up there
};

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
        return verifier::verify_bundle(world_->model, editor.kernel, editor.bundle, {.solver = solver});
    }

    // Applies one operator as often as it asks; tallies by area.
    void run(const Operator& op, Random& random, std::map<std::string, Tally>& areas) {
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
            Tally& tally = areas[op.area];
            ++tally.made;
            if (!fresh(editor)) {
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
            ++tally.effective;
            const verifier::Report report = verify(editor);
            const bool killed = found_out(report);
            tally.killed += killed ? 1 : 0;
            EXPECT_TRUE(killed) << op.area << ": " << op.what << " (number " << i
                                << ") survived; inconclusive:" << verdicts(report, verifier::Verdict::inconclusive);
            EXPECT_FALSE(report.proved()) << op.area << ": " << op.what;
            const Truth truth(before_, after);
            for (const verifier::PropertyResult& result : report.results) {
                EXPECT_EQ(result.reason.find("disagree"), std::string::npos)
                    << op.area << ": " << op.what << ": " << result.id << ": " << result.reason;
                for (const verifier::Finding& finding : result.findings) {
                    const std::optional<bool> held = truth.of(result, finding);
                    tally.witnesses += held ? 1 : 0;
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
    std::map<std::string, Tally> areas;
    const std::vector<std::vector<Operator>> groups =
        has_devices(GetParam()) ? std::vector<std::vector<Operator>>{device_operators(GetParam() == Machine::amd_vi)}
                                : std::vector<std::vector<Operator>>{memory_operators(), table_operators(),
                                                                     manifest_operators(), digest_operators()};
    for (const auto& operators : groups) {
        for (const Operator& op : operators) {
            run(op, random, areas);
        }
    }
    Tally all;
    std::printf("%-18s %6s %10s %7s %9s\n", "area", "made", "effective", "killed", "witnesses");
    for (const auto& [area, tally] : areas) {
        std::printf("%-18s %6zu %10zu %7zu %9zu\n", area.c_str(), tally.made, tally.effective, tally.killed,
                    tally.witnesses);
        EXPECT_GT(tally.effective, 0U) << area;
        all.made += tally.made;
        all.effective += tally.effective;
        all.killed += tally.killed;
        all.witnesses += tally.witnesses;
    }
    std::printf("%-18s %6zu %10zu %7zu %9zu\n", "all", all.made, all.effective, all.killed, all.witnesses);
    EXPECT_GT(all.witnesses, 0U);
    EXPECT_GE(all.effective, GetParam() == Machine::x2apic ? kFloor : kSecondFloor);
    EXPECT_EQ(all.killed, all.effective);
}

// The same bundle, and a file that says something else.
TEST_P(Mutation, EveryMutantOfTheModelIsFoundOut) {
    const Grants before = demanded(world_->model);
    const Editor editor(*world_);
    std::size_t effective = 0;
    for (const ModelMutant& mutant : has_devices(GetParam()) ? device_model_mutants() : model_mutants()) {
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
        ++effective;
        const verifier::Report report = verifier::verify_bundle(*model, editor.kernel, editor.bundle, {});
        EXPECT_TRUE(found_out(report)) << mutant.what << " survived; inconclusive:"
                                       << verdicts(report, verifier::Verdict::inconclusive);
    }
    std::printf("%-18s %6zu %10zu\n", "model", effective, effective);
    EXPECT_GE(effective, has_devices(GetParam()) ? 15U : 30U);
}

TEST_P(Mutation, HarmlessChangesStayProved) {
    Random random(kSeed);
    for (const Operator& op : harmless_operators()) {
        for (unsigned i = 0; i < op.times; ++i) {
            Editor editor(*world_);
            op.apply(editor, random);
            editor.seal();
            const Grants after = interpret(editor.bundle);
            const verifier::Report report = verify(editor);
            EXPECT_TRUE(report.proved()) << op.what << ":" << verdicts(report, verifier::Verdict::violated)
                                         << verdicts(report, verifier::Verdict::inconclusive);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Boards, Mutation,
                         testing::Values(Machine::x2apic, Machine::xapic, Machine::vt_d, Machine::amd_vi),
                         [](const auto& board) { return name(board.param); });

} // namespace

} // namespace septum::mutation
