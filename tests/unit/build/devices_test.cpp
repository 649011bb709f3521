// SPDX-License-Identifier: Apache-2.0
// Where devices lie in a plan, and what cannot be planned.
#include "build/devices.hpp"
#include "build/plan/devices.hpp"
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

TEST(Devices, EachGetsItsPlace) {
    const auto outcome = place(make_owners(), kKernel);
    ASSERT_TRUE(outcome.ok());
    const Plan& plan = *outcome.value;
    ASSERT_EQ(plan.devices.size(), 2U);
    const auto& edu = plan.devices[0];
    const auto& nvme = plan.devices[1];
    EXPECT_EQ(edu.name, "edu");
    EXPECT_EQ(edu.virtual_bdf, 1U << 3U);
    EXPECT_EQ(edu.domain, 1U);
    EXPECT_EQ(edu.first_handle, 0U);
    EXPECT_EQ(edu.handles, 1U);
    EXPECT_EQ(nvme.partition, 1U);
    EXPECT_EQ(nvme.virtual_bdf, 1U << 3U); // its owner's own bus
    EXPECT_EQ(nvme.domain, 2U);
    EXPECT_EQ(nvme.first_handle, 1U);
    EXPECT_EQ(nvme.handles, 65U);
    EXPECT_EQ(nvme.bars[0].gpa.value, guest::kPciBase);
    EXPECT_EQ(nvme.bars[0].memory.base.value, 0xF000'0000U);
    EXPECT_EQ(plan.fault_apic_id, 3U); // the one of four CPUs that nobody owns
    const auto inside = [&plan](Hpa block, std::uint64_t size) {
        return plan.workspace.base <= block && block.value + size <= plan.workspace.base.value + plan.workspace.size;
    };
    EXPECT_TRUE(inside(edu.block, layout::DeviceBlock::kSize));
    EXPECT_TRUE(inside(nvme.block, layout::DeviceBlock::kSize));
    EXPECT_TRUE(inside(plan.iommu_block, layout::IommuBlock::kSize));
    EXPECT_NE(edu.block, nvme.block);
}

// The MSI-X table's page is the kernel's; the rest of the BAR is the owner's, uncached and without execution.
TEST(Devices, RegionsLeaveTheTableOut) {
    const auto outcome = place(make_owners(), kKernel);
    ASSERT_TRUE(outcome.ok());
    std::vector<manifest::Region> found;
    for (const auto& region : outcome.value->partitions[1].regions) {
        if (region.kind == manifest::RegionKind::device) {
            found.push_back(region);
        }
    }
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].gpa.value, guest::kPciBase);
    EXPECT_EQ(found[0].hpa.value, 0xF000'0000U);
    EXPECT_EQ(found[0].size, 0x2000U);
    EXPECT_EQ(found[1].hpa.value, 0xF000'3000U);
    EXPECT_EQ(found[1].size, 0x1000U);
    for (const auto& region : found) {
        EXPECT_EQ(region.access, manifest::kRead | manifest::kWrite);
        EXPECT_EQ(region.type, manifest::MemoryType::uncacheable);
        EXPECT_EQ(region.object, 1U); // the second BAR of all
    }
}

TEST(Devices, FunctionsOfOneDeviceStayTogether) {
    auto model = make_owners();
    auto second = model.board.pci[function_named(model.board, "nvme0")];
    second.name.value = "other";
    second.bdf += 1;
    second.bars[0].base.value = 0xF001'0000;
    model.board.pci.push_back(second);
    model.partitions[1].devices.clear();
    model.partitions[1].device_indices.clear();
    model.partitions[0].devices.clear();
    model.partitions[0].device_indices.clear();
    grant(model, 0, "nvme0", 50);
    grant(model, 0, "edu", 51);
    grant(model, 0, "other", 52);
    model.partitions[0].on_fault.by_cause.fill(config::FaultAction::stop);
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    ASSERT_EQ(outcome.value->devices.size(), 3U);
    EXPECT_EQ(outcome.value->devices[0].name, "nvme0");
    EXPECT_EQ(outcome.value->devices[0].virtual_bdf, 0x08U);
    EXPECT_EQ(outcome.value->devices[1].name, "other");
    EXPECT_EQ(outcome.value->devices[1].virtual_bdf, 0x09U);
    EXPECT_EQ(outcome.value->devices[2].virtual_bdf, 0x10U);
}

TEST(Devices, LargestBarsFirstEachAligned) {
    auto model = make_owners();
    grant(model, 1, "edu", 52);
    model.partitions[0].devices.clear();
    model.partitions[0].device_indices.clear();
    model.partitions[1].on_fault.by_cause.fill(config::FaultAction::stop);
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value->devices[1].bars[0].gpa.value, guest::kPciBase);        // edu, 1 MiB
    EXPECT_EQ(outcome.value->devices[0].bars[0].gpa.value, guest::kPciBase + kMiB); // nvme0, 16 KiB
    EXPECT_EQ(outcome.value->devices[0].domain, outcome.value->devices[1].domain);
}

TEST(Devices, ABarThatDoesNotFit) {
    auto model = make_owners();
    model.board.pci[function_named(model.board, "edu")].bars[0].size.value = kGiB;
    const auto error = only_error(place(model, kKernel));
    EXPECT_EQ(error.id, "plan.pci-window");
    EXPECT_NE(error.message.find("BAR 0 of `edu`"), std::string::npos);
}

TEST(Devices, FaultsReachAnOwnerWhenNobodySleeps) {
    auto model = make_owners();
    model.partitions[0].cpu_count = 2;
    model.partitions[1].cpu_count = 2;
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value->fault_apic_id, outcome.value->cpus[outcome.value->partitions[0].first_cpu].apic_id);
}

TEST(Devices, TwoOwners) {
    auto model = make_owners();
    grant(model, 0, "nvme0", 52);
    const auto error = only_error(place(model, kKernel));
    EXPECT_EQ(error.id, "dev.exclusive");
    EXPECT_EQ(error.message, "`alpha` and `beta` both own `nvme0`");
    EXPECT_EQ(error.primary, at(51));
}

TEST(Devices, ARestartNeedsAReset) {
    auto model = make_owners();
    model.partitions[0].on_fault.by_cause[static_cast<std::size_t>(config::Cause::reset)] =
        config::FaultAction::restart;
    const auto error = only_error(place(model, kKernel));
    EXPECT_EQ(error.id, "dev.reset");
    EXPECT_EQ(error.message, "`edu` cannot be reset, but its owner `alpha` is restarted");
    EXPECT_NE(error.help.find("on_fault: {action: stop, reset: stop}"), std::string::npos);
}

TEST(Devices, ABusResetNeedsTheWholeBus) {
    auto model = make_owners();
    auto& board = model.board;
    board.pci[function_named(board, "nvme0")].reset = config::DeviceReset::bus;
    EXPECT_TRUE(place(model, kKernel).ok());
    auto neighbour = board.pci[function_named(board, "nvme0")];
    neighbour.name.value = "neighbour";
    neighbour.bdf += 8;
    neighbour.bars[0].base.value = 0xF001'0000;
    board.pci.push_back(neighbour);
    const auto error = only_error(place(model, kKernel));
    EXPECT_EQ(error.id, "dev.reset");
    EXPECT_NE(error.message.find("`neighbour` on it is not of `beta`"), std::string::npos);
}

TEST(Devices, MemoryBeyondTheUnit) {
    auto model = make_owners();
    model.board.iommu.address_bits = 39;
    model.board.physical_address_bits = 44;
    model.board.memory.push_back({{kGiB << 10U, at(6)}, {kGiB << 10U, at(6)}});
    model.partitions[1].memory.value = 600 * kGiB;
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.dma-reach");
    model.board.iommu.address_bits = 48;
    EXPECT_TRUE(place(model, kKernel).ok());
}

TEST(Devices, TooMany) {
    auto model = make_owners();
    auto& board = model.board;
    auto like = board.pci[function_named(board, "edu")];
    like.bars.clear();
    for (std::uint16_t i = 0; i < 32; ++i) {
        like.name.value = "copy" + std::to_string(i);
        like.bdf = static_cast<std::uint16_t>(0x0900U + i * 8U);
        board.pci.push_back(like);
        grant(model, 0, like.name.value, 60);
    }
    EXPECT_EQ(only_error(place(model, kKernel)).id, "plan.limit");
}

// What boots as a PC has a host bridge without owning a device, and needs no IOMMU for it.
TEST(Devices, APcHasABus) {
    config::Model model = make_owners();
    model.partitions[0].cpu_count = 1; // of the board's four
    auto pc = make_partition("gamma", 16 * kMiB);
    pc.boot.kind = config::BootKind::pvh;
    model.partitions.push_back(pc);
    model.partitions.push_back(make_partition("zeta", 2 * kMiB));
    const auto outcome = place(model, kKernel);
    ASSERT_TRUE(outcome.ok());
    const Plan& plan = *outcome.value;
    EXPECT_EQ(plan.devices.size(), 2U);
    const std::vector<manifest::Slice> expected{{0, 2}, {2, 2}, {4, 1}, {0, 0}};
    ManifestParts parts;
    gather_devices(plan, model.board, std::vector<Hpa>(plan.devices.size()), parts);
    ASSERT_EQ(parts.devices.size(), 5U);
    for (std::size_t p = 0; p < expected.size(); ++p) {
        const manifest::Slice slice = device_slice(plan, p);
        EXPECT_EQ(slice.first, expected[p].first) << p;
        EXPECT_EQ(slice.count, expected[p].count) << p;
        for (std::uint32_t i = 0; i < slice.count; ++i) {
            const manifest::Device& device = parts.devices[slice.first + i];
            EXPECT_EQ(device.partition, p);
            EXPECT_EQ(device.bdf == manifest::kNobody, i == 0);
        }
    }
    model = make_pair();
    model.board.iommu = {};
    model.partitions[0].boot.kind = config::BootKind::multiboot;
    EXPECT_TRUE(place(model, kKernel).ok());
}

TEST(Devices, TheLockNamesThem) {
    const auto outcome = place(make_owners(), kKernel);
    ASSERT_TRUE(outcome.ok());
    const std::string text = lock_text(*outcome.value);
    for (const char* line : {"device `edu` 00:05.0 `alpha` 00:01.0 domain 1 interrupts 0+1 block ",
                             "device `nvme0` 01:00.0 `beta` 00:01.0 domain 2 interrupts 1+65 block ",
                             "bar 0 of `nvme0` host 0x00f0000000..0x00f0004000 guest 0x00e0000000\n",
                             "rw- bar 0 of `edu`\n", " faults to apic 3\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
    }
}

} // namespace
} // namespace septum::build
