// SPDX-License-Identifier: Apache-2.0
#include "build/plan/holes.hpp"
#include "tests/unit/build/models.hpp"

#include <septum/guest/board.hpp>

namespace septum::build {
namespace {

using namespace test;

constexpr manifest::Range kKernel{Hpa{0x20'0000}, 0x1'0000};

config::Diagnostic only_error(const config::Outcome<Plan>& outcome) {
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.diagnostics.size(), 1U);
    return outcome.diagnostics.empty() ? config::Diagnostic{} : outcome.diagnostics[0];
}

TEST(Holes, TakesTheLowestPlaceThatIsAligned) {
    Holes holes;
    holes.add(0x1000, 0x1F'F000);
    holes.add(0x20'0000, 0x40'0000); // joins
    EXPECT_EQ(holes.largest().size, 0x5F'F000U);
    EXPECT_EQ(holes.take_first(0x20'0000, 0x20'0000), 0x20'0000U);
    EXPECT_EQ(holes.take_first(0x1000, 0x1000), 0x1000U);
    EXPECT_FALSE(holes.take(0x1000, 0x1000));
    EXPECT_FALSE(holes.take_first(0x40'0000, 0x1000));
    EXPECT_EQ(holes.total(), 0x5F'F000U - 0x20'1000U);
}

TEST(Plan, IsTheSameEveryTime) {
    const auto first = place(make_pair(), kKernel);
    const auto second = place(make_pair(), kKernel);
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(lock_text(*first.value), lock_text(*second.value));
    EXPECT_EQ(lock_text(*first.value).back(), '\n');
}

TEST(Plan, RangesAreDisjointInsideTheBoardAndAligned) {
    auto model = make_pair();
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    std::uint64_t end = 0;
    for (const auto& each : planned_ranges(*outcome.value)) {
        EXPECT_GE(each.range.base.value, end) << each.what;
        EXPECT_EQ(each.range.base.value % kPageSize, 0U) << each.what;
        end = each.range.base.value + each.range.size;
        bool inside = false;
        for (const auto& memory : model.board.memory) {
            inside =
                inside || (each.range.base.value >= memory.base.value && end <= memory.base.value + memory.size.value);
        }
        EXPECT_TRUE(inside) << each.what;
    }
    for (const auto& partition : outcome.value->partitions) {
        EXPECT_EQ(partition.ram.base.value % (2 * kMiB), 0U);
    }
}

TEST(Plan, CpusAreContiguousPerPartitionAndAsidsUnique) {
    const auto outcome = place(make_pair(), kKernel);
    ASSERT_TRUE(outcome.ok());
    const Plan& plan = *outcome.value;
    ASSERT_EQ(plan.cpus.size(), 4U);
    EXPECT_EQ(plan.cpus[0].partition, 0);
    EXPECT_EQ(plan.cpus[1].partition, 0);
    EXPECT_EQ(plan.cpus[1].vcpu, 1);
    EXPECT_EQ(plan.cpus[2].partition, 1);
    EXPECT_EQ(plan.cpus[2].apic_id, 2U);
    EXPECT_EQ(plan.cpus[3].partition, manifest::kNobody); // sleeps in the kernel
    EXPECT_EQ(plan.cpus[3].apic_id, 3U);
    EXPECT_EQ(plan.partitions[0].asid, 1U);
    EXPECT_EQ(plan.partitions[1].asid, 2U);
    EXPECT_EQ(plan.cpus[0].block.value, plan.workspace.base.value);
    EXPECT_EQ(plan.partitions[1].block.value + layout::PartitionBlock::kSize, plan.iommu_block.value);
    EXPECT_EQ(plan.iommu_block.value + layout::IommuBlock::kSize, plan.workspace.base.value + plan.workspace.size);
}

TEST(Plan, PinnedCpusGoFirst) {
    auto model = make_pair();
    model.partitions[1].cpu_pins = {{0, at(40)}};
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value->cpus[2].board_cpu, 0U);
    EXPECT_EQ(outcome.value->cpus[0].board_cpu, 1U);
    EXPECT_EQ(outcome.value->cpus[1].board_cpu, 2U);
}

TEST(Plan, SiblingsAreNotSplit) {
    auto model = make_pair();
    model.board.cpus = {{{0, {}}, 0}, {{1, {}}, 0}, {{2, {}}, 1}, {{3, {}}, 1}};
    model.partitions[0].cpu_count = 1;
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value->cpus[0].board_cpu, 0U);
    EXPECT_EQ(outcome.value->cpus[1].board_cpu, 2U);
    model.partitions[0].cpu_count = 3;
    const auto error = only_error(place(model, kKernel));
    EXPECT_EQ(error.id, "cpu.exists");
}

TEST(Plan, TooManyCpus) {
    auto model = make_pair();
    model.partitions[0].cpu_count = 4;
    const auto error = only_error(place(model, kKernel));
    EXPECT_EQ(error.id, "cpu.exists");
    EXPECT_EQ(error.message, "`beta` needs 1 cpu, but only 0 cpus are left for it on board `test-board`");
    EXPECT_EQ(error.notes[0], "the partitions want 5 cpus in all, the board has 4");
    EXPECT_EQ(error.primary, at(21));
}

TEST(Plan, PinnedCpuTwiceOrAbsent) {
    auto model = make_pair();
    model.partitions[0].cpu_pins = {{1, at(40)}, {7, at(41)}};
    model.partitions[1].cpu_pins = {{1, at(42)}};
    const auto outcome = place(model, kKernel);
    ASSERT_EQ(outcome.diagnostics.size(), 2U);
    EXPECT_EQ(outcome.diagnostics[0].message,
              "`alpha` wants cpu 7, but board `test-board` has 4 cpus, numbered from 0");
    EXPECT_EQ(outcome.diagnostics[1].id, "cpu.exclusive");
    EXPECT_EQ(outcome.diagnostics[1].primary, at(42));
    EXPECT_EQ(outcome.diagnostics[1].related[0].span, at(40));
}

TEST(Plan, MemoryThatDoesNotFit) {
    auto model = make_pair();
    model.partitions[0].memory.value = 900 * kMiB;
    model.partitions[1].memory.value = 300 * kMiB;
    const auto error = only_error(place(model, kKernel));
    EXPECT_EQ(error.id, "plan.no-room");
    EXPECT_EQ(error.message, "`beta` needs 300 MiB in one piece, but the largest free hole of board `test-board` is "
                             "108 MiB at 0x39400000");
    EXPECT_EQ(error.primary, at(22));
    ASSERT_EQ(error.notes.size(), 3U);
    EXPECT_EQ(error.notes[2], "where the memory goes: the kernel 64 KiB, `alpha` 900 MiB");
}

TEST(Plan, PinnedMemory) {
    auto model = make_pair();
    model.partitions[0].base = {0x200'0000, at(50)};
    model.partitions[1].base = {0x240'0000, at(51)};
    const auto overlap = only_error(place(model, kKernel));
    EXPECT_EQ(overlap.id, "mem.disjoint");
    EXPECT_EQ(overlap.message, "`alpha` and `beta` both own 0x2400000..0x2800000");
    EXPECT_EQ(overlap.primary, at(51));
    EXPECT_EQ(overlap.related[0].span, at(50));

    model.partitions[1].base = {0x280'1000, at(51)};
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.alignment");
    model.partitions[1].base = {0x8000'0000, at(51)};
    EXPECT_EQ(only_error(place(model, kKernel)).id, "mem.within-board");
    model.partitions[1].base = {0x20'0000, at(51)};
    EXPECT_EQ(only_error(place(model, kKernel)).id, "mem.kernel-private");
    model.partitions[1].base = {0, at(51)};
    EXPECT_EQ(only_error(place(model, kKernel)).id, "mem.kernel-private");

    model.partitions[1].base = {0x280'0000, at(51)};
    const auto good = place(model, kKernel);
    ASSERT_TRUE(good.ok());
    EXPECT_EQ(good.value->partitions[1].ram.base.value, 0x280'0000U);
}

TEST(Plan, NamesAndLimits) {
    auto model = make_pair();
    model.partitions[0].name.value = std::string(32, 'x');
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.name");
    model = make_pair();
    model.board.vendor.value = config::Vendor::intel;
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.vendor");
    model = make_pair();
    model.board.trampoline.value = 0x10'0000;
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.trampoline");
    model = make_pair();
    model.partitions.clear();
    model.channels.clear();
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.empty");
    model = make_pair();
    model.partitions[0].memory.value = 8 * kMiB + 1;
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.size");
    model = make_pair();
    model.channels[0].to.value = 1;
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.channel");
}

TEST(Plan, MoreThanThreeGiBContinueAtFour) {
    auto model = make_pair();
    model.board = make_board(4, 8 * kGiB);
    model.partitions[0].memory.value = 5 * kGiB;
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    const auto& alpha = outcome.value->partitions[0];
    EXPECT_EQ(alpha.ram.base.value % kGiB, 0U);
    ASSERT_EQ(alpha.regions.size(), 4U);
    EXPECT_EQ(alpha.regions[0].size, 3 * kGiB);
    EXPECT_EQ(alpha.regions[3].gpa.value, 4 * kGiB);
    EXPECT_EQ(alpha.regions[3].hpa.value, alpha.ram.base.value + 3 * kGiB);
    EXPECT_EQ(alpha.regions[3].size, 2 * kGiB);
    // Without a place that is a multiple of 1 GiB, one of 2 MiB does.
    model.board = make_board(4, 5 * kGiB + 300 * kMiB);
    const auto tight = place(model, kKernel);
    ASSERT_TRUE(tight.ok());
    EXPECT_EQ(tight.value->partitions[0].ram.base.value, 16 * kMiB);
}

TEST(Plan, ChannelsAreCountedPerPartition) {
    auto model = make_pair();
    model.partitions[0].boot.kind = config::BootKind::linux;
    model.channels.push_back(make_channel("third", 0, 1, 3 * kMiB, true));
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    const auto& channels = outcome.value->channels;
    EXPECT_EQ(channels[0].writer_gpa.value, guest::kChannelBase); // answer, beta's first
    EXPECT_EQ(channels[0].reader_gpa.value, guest::kChannelBase);
    EXPECT_EQ(channels[1].writer_gpa.value, guest::kChannelBase + 2 * kMiB);
    EXPECT_EQ(channels[2].reader_gpa.value, guest::kChannelBase + 4 * kMiB);
    EXPECT_EQ(channels[2].memory.base.value % (2 * kMiB), 0U);
    EXPECT_EQ(channels[0].vector, 0); // Linux polls
    EXPECT_EQ(channels[1].vector, 0x40);
    EXPECT_EQ(channels[2].vector, 0x41);
    EXPECT_EQ(channels[1].reader_cpu, 2);
    model.channels[2].size.value = 752 * kMiB; // the window ends at 0xfec00000
    const auto full = place(model, kKernel);
    EXPECT_FALSE(full.ok());
    EXPECT_EQ(full.diagnostics.at(0).id, "plan.channel-window");
}

TEST(Plan, BundleGrowsUntilItsOwnTablesFit) {
    const auto model = make_pair();
    auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    std::vector<config::Diagnostic> diagnostics;
    const auto size_of = [](const Plan& plan) { return plan.bundle.size == 0 ? 0x3000U : 0x5000U; };
    ASSERT_TRUE(place_bundle(*outcome.value, model, size_of, diagnostics));
    EXPECT_EQ(outcome.value->bundle.size, 0x5000U);
    const auto huge = [](const Plan&) { return 2 * kGiB; };
    EXPECT_FALSE(place_bundle(*outcome.value, model, huge, diagnostics));
    EXPECT_EQ(diagnostics.at(0).id, "plan.no-room");
}

} // namespace
} // namespace septum::build
