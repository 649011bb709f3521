// SPDX-License-Identifier: Apache-2.0
// The registry is complete, in order and documented; and nothing counts as a proof that is none.
#include "verifier/alone/alone.hpp"
#include "verifier/explain/catalogue.hpp"
#include "verifier/explain/examples.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace septum::verifier {

namespace {

TEST(Registry, IsSortedAndEachIdIsOnce) {
    for (std::size_t i = 1; i < registry().size(); ++i) {
        EXPECT_LT(std::string(registry()[i - 1]->id), registry()[i]->id);
    }
}

TEST(Registry, EveryPropertySaysWhatItIs) {
    const std::regex id("[a-z]+\\.[a-z0-9-]+");
    for (const Property* property : registry()) {
        EXPECT_TRUE(std::regex_match(property->id, id)) << property->id;
        EXPECT_STRNE(property->title, "") << property->id;
        EXPECT_STRNE(property->statement, "") << property->id;
        EXPECT_STRNE(property->rests_on, "") << property->id;
        EXPECT_NE(example_of(property->id), "") << property->id << " has no example in verifier/explain/examples.cpp";
        EXPECT_TRUE(alone(*property).judged || *alone(*property).reason != '\0') << property->id;
        const bool judged = property->model != nullptr || property->bytes != nullptr;
        if (judged) {
            EXPECT_STRNE(property->mend, "") << property->id;
            EXPECT_STRNE(property->manual, "") << property->id;
        } else {
            EXPECT_STRNE(property->reason, "") << property->id;
            EXPECT_NE(property->fixed, Verdict::proved) << property->id << " would be proved without a check";
        }
        if (property->level == Level::checked_at_boot) {
            EXPECT_EQ(property->fixed, Verdict::checked_at_boot) << property->id;
        }
    }
}

TEST(Registry, HoldsTheWholeFloor) {
    // Every id that the project promises to judge or to say why not.
    const std::set<std::string> floor{"mem.disjoint",
                                      "mem.kernel-private",
                                      "mem.tables-private",
                                      "mem.within-board",
                                      "mem.exact",
                                      "mem.no-alias",
                                      "mem.permissions",
                                      "mem.memory-type",
                                      "mem.wx",
                                      "mem.stack-guards",
                                      "mem.payload-fits",
                                      "mem.reserved-bits",
                                      "mem.scrubbed",
                                      "cpu.exclusive",
                                      "cpu.exists",
                                      "cpu.smt-exclusive",
                                      "cache.policy",
                                      "asid.unique",
                                      "sched.complete",
                                      "sched.no-overlap",
                                      "sched.equal-major",
                                      "sched.fits",
                                      "sched.sanitised",
                                      "io.owned",
                                      "io.exact",
                                      "io.dangerous",
                                      "msr.exact",
                                      "msr.allowlist",
                                      "msr.outside-map",
                                      "cpuid.filtered",
                                      "exit.intercepts",
                                      "exit.complete",
                                      "acpi.consistent",
                                      "dev.exclusive",
                                      "dev.exists",
                                      "dev.bars-owned",
                                      "dev.functions-together",
                                      "dma.confined",
                                      "dma.absent-blocked",
                                      "dma.no-passthrough",
                                      "dma.ats-off",
                                      "dma.reserved-regions",
                                      "dma.p2p",
                                      "irq.owned",
                                      "irq.remapped",
                                      "irq.source-checked",
                                      "irq.vectors",
                                      "irq.ipi",
                                      "irq.lvt",
                                      "irq.ioapic-masked",
                                      "pci.config-filtered",
                                      "dev.reset",
                                      "chan.directed",
                                      "chan.no-exec",
                                      "chan.sizes",
                                      "chan.doorbell",
                                      "flow.policy",
                                      "flow.declared",
                                      "image.digests",
                                      "image.layout",
                                      "image.boot-path",
                                      "image.manifest",
                                      "image.kernel",
                                      "board.contract"};
    for (const std::string& id : floor) {
        EXPECT_NE(find_property(id), nullptr) << id;
    }
    EXPECT_EQ(find_property("mem.nothing"), nullptr);
}

// `mem.tables-private` is in mem_tables_private.cpp, alone; nothing else is a file of verifier/properties/.
TEST(Registry, EachPropertyIsAFileOfItsOwn) {
    const std::filesystem::path folder = std::filesystem::path(SEPTUM_SOURCE_DIR) / "verifier" / "properties";
    std::map<std::string, std::string> expected{{"registry.cpp", ""}, {"registry.hpp", ""}, {"property.hpp", ""}};
    for (const Property* property : registry()) {
        std::string name = property->id;
        std::replace_if(name.begin(), name.end(), [](char letter) { return letter == '.' || letter == '-'; }, '_');
        expected.emplace(name + ".cpp", property->id);
    }
    const std::regex id(R"re(\.id = "([^"]*)")re");
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_directory()) {
            continue;
        }
        std::ifstream in(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        std::string ids;
        for (std::sregex_iterator match(text.begin(), text.end(), id), end; match != end; ++match) {
            ids += (*match)[1];
        }
        const std::string name = entry.path().filename().string();
        if (entry.path().parent_path().filename() == "shared") {
            EXPECT_EQ(ids, "") << name << " is shared, and has a property";
        } else if (expected.contains(name)) {
            EXPECT_EQ(ids, expected.at(name)) << name;
            found.insert(name);
        } else {
            ADD_FAILURE() << name << " is no property; what several use belongs into shared/";
        }
    }
    for (const auto& [name, property] : expected) {
        EXPECT_TRUE(found.contains(name)) << name << " is missing " << property;
    }
}

TEST(Registry, TheCatalogueIsUpToDate) {
    std::ifstream in(std::string(SEPTUM_SOURCE_DIR) + "/docs/catalogue.md", std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    EXPECT_EQ(text.str(), catalogue()) << "write it anew: septum-catalogue > docs/catalogue.md";
}

// What an image alone leaves open is a pass only there.
TEST(Report, LeavesNothingUnjudgedWhereThereIsAModel) {
    Report report;
    for (const Property* property : registry()) {
        PropertyResult result;
        result.id = property->id;
        result.verdict = Verdict::proved;
        report.results.push_back(result);
    }
    EXPECT_TRUE(report.proved());
    report.results.front().verdict = Verdict::not_judged;
    EXPECT_FALSE(report.proved());
    report.image_alone = true;
    EXPECT_TRUE(report.proved());
}

TEST(Report, IsNoProofWithoutEveryProperty) {
    Report report;
    EXPECT_FALSE(report.proved());
    for (const Property* property : registry()) {
        PropertyResult result;
        result.id = property->id;
        result.verdict = Verdict::proved;
        report.results.push_back(result);
    }
    EXPECT_TRUE(report.proved());
    report.results.back().verdict = Verdict::inconclusive;
    EXPECT_FALSE(report.proved());
    report.results.back().verdict = Verdict::violated;
    EXPECT_FALSE(report.proved());
    report.results.back().verdict = Verdict::checked_at_boot;
    EXPECT_TRUE(report.proved());
    report.defects.emplace_back();
    EXPECT_FALSE(report.proved());
    report.defects.clear();
    report.results.pop_back();
    EXPECT_FALSE(report.proved());
}

// A property made for the test: enumeration holds or not, the solver answers what it is told to.
class TwoWays : public testing::Test {
protected:
    PropertyResult run(bool holds, smt::Result solver, bool ask = true) {
        options_.solver = ask;
        Judge judge(property_, context_);
        if (!holds) {
            judge.violated({.message = "found", .partitions = {"b", "a"}});
        }
        judge.solver_agrees(holds, [&](unsigned) {
            smt::Answer answer;
            answer.query = "test";
            answer.result = solver;
            return answer;
        });
        return std::move(judge).conclude(Level::bytes);
    }

    Property property_{.id = "test.two-ways",
                       .title = "test",
                       .statement = "test",
                       .level = Level::bytes,
                       .rests_on = "nothing",
                       .manual = "none",
                       .mend = "mend"};
    config::Model model_;
    Declared declared_;
    Options options_;
    Context context_{model_, declared_, nullptr, nullptr, options_};
};

TEST_F(TwoWays, AgreeOnAProof) {
    const PropertyResult result = run(true, smt::Result::proved);
    EXPECT_EQ(result.verdict, Verdict::proved);
    EXPECT_EQ(result.by_enumeration, Verdict::proved);
    EXPECT_EQ(result.by_solver, Verdict::proved);
    EXPECT_EQ(result.reason, "");
}

TEST_F(TwoWays, AgreeOnAViolation) {
    const PropertyResult result = run(false, smt::Result::violated);
    EXPECT_EQ(result.verdict, Verdict::violated);
    EXPECT_EQ(result.findings.at(0).fingerprint, "test.two-ways:a+b");
    EXPECT_EQ(result.findings.at(0).diagnostic.help, "mend");
}

TEST_F(TwoWays, DisagreementIsAFailureOfItsOwn) {
    for (const auto& [holds, solver] :
         {std::pair{true, smt::Result::violated}, std::pair{false, smt::Result::proved}}) {
        const PropertyResult result = run(holds, solver);
        EXPECT_EQ(result.verdict, Verdict::disagreed);
        Report report;
        PropertyResult passed;
        passed.verdict = Verdict::proved;
        report.results.assign(registry().size(), passed);
        EXPECT_TRUE(report.proved());
        report.results.back() = result;
        EXPECT_FALSE(report.proved());
        EXPECT_NE(result.reason.find("the two ways disagree"), std::string::npos) << result.reason;
    }
}

TEST_F(TwoWays, NoAnswerIsNoProof) {
    for (const smt::Result solver : {smt::Result::unknown, smt::Result::timeout, smt::Result::error}) {
        EXPECT_EQ(run(true, solver).verdict, Verdict::inconclusive);
        EXPECT_EQ(run(false, solver).verdict, Verdict::violated) << "a witness stands without the solver";
    }
}

TEST_F(TwoWays, ATimeThatWasUpSaysHowToGiveMore) {
    EXPECT_TRUE(
        run(true, smt::Result::timeout).reason.ends_with("within 10000 ms: give it longer by `--solver-timeout`"))
        << run(true, smt::Result::timeout).reason;
}

TEST_F(TwoWays, EnumerationAloneSaysSo) {
    const PropertyResult result = run(true, smt::Result::violated, false);
    EXPECT_EQ(result.verdict, Verdict::proved);
    EXPECT_FALSE(result.by_solver.has_value());
    EXPECT_NE(result.reason.find("enumeration only"), std::string::npos);
}

TEST_F(TwoWays, FindingsAreBounded) {
    Judge judge(property_, context_);
    for (int i = 0; i < 1000; ++i) {
        judge.violated({.message = "found"});
    }
    EXPECT_EQ(judge.found(), 1000U);
    const PropertyResult result = std::move(judge).conclude(Level::bytes);
    EXPECT_LE(result.findings.size(), 64U);
    EXPECT_NE(result.reason.find("more findings"), std::string::npos);
}

} // namespace

} // namespace septum::verifier
