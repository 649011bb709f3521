// SPDX-License-Identifier: Apache-2.0
// What config refuses before the verifier sees it is judged here all the same: the verifier trusts no order of checks.
#include "tests/mutation/world.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/verifier.hpp"

#include <gtest/gtest.h>

namespace septum::verifier {

namespace {

class OnTheModel : public testing::Test {
protected:
    void SetUp() override {
        auto model = mutation::load(mutation::appliance(mutation::Machine::x2apic));
        ASSERT_TRUE(model.has_value());
        model_ = std::move(*model);
    }

    PropertyResult of(const std::string& id) const {
        const Report report = verify_model(model_, {});
        for (const PropertyResult& result : report.results) {
            if (result.id == id) {
                return result;
            }
        }
        ADD_FAILURE() << id << " is not in the report";
        return {};
    }
    void expect_violated(const std::string& id, const std::string& words) const {
        const PropertyResult result = of(id);
        EXPECT_EQ(result.verdict, Verdict::violated) << id << ": " << result.reason;
        bool said = false;
        for (const Finding& finding : result.findings) {
            said = said || finding.diagnostic.message.find(words) != std::string::npos;
        }
        EXPECT_TRUE(said) << id << " does not say `" << words << "` but `"
                          << (result.findings.empty() ? "" : result.findings.front().diagnostic.message) << "`";
    }

    config::Model model_;
};

TEST_F(OnTheModel, TheWorldIsProved) {
    const Report report = verify_model(model_, {});
    EXPECT_TRUE(report.proved());
    EXPECT_EQ(report.results.size(), registry().size());
    for (const PropertyResult& result : report.results) {
        EXPECT_NE(result.verdict, Verdict::violated) << result.id;
        if (result.level == Level::bytes) {
            EXPECT_NE(result.verdict, Verdict::proved) << result.id << " is proved of bytes that are not there";
        }
    }
    EXPECT_EQ(of("mem.exact").reason, "no image given");
    EXPECT_EQ(of("sched.fits").reason, "no CPU is shared");
}

TEST_F(OnTheModel, CpuPinnedTwice) {
    model_.partitions[1].cpu_pins[0].value = 0;
    expect_violated("cpu.exclusive", "`beta` and `alpha` both own CPU 0");
}

TEST_F(OnTheModel, CpuThatIsNotThere) {
    model_.partitions[1].cpu_pins[0].value = 17;
    expect_violated("cpu.exists", "`beta` owns CPU 17, but board `bench` has CPUs 0..5");
}

TEST_F(OnTheModel, MoreCpusThanTheBoard) {
    model_.partitions[2].cpu_pins.clear();
    model_.partitions[2].cpu_count = 5;
    expect_violated("cpu.exists", "the partitions own 9 CPUs, but board `bench` has 6");
}

TEST_F(OnTheModel, ChannelToItself) {
    model_.channels[0].to.value = model_.channels[0].from.value;
    expect_violated("chan.directed", "channel `answer` leads from `beta` to itself");
}

TEST_F(OnTheModel, ChannelToNobody) {
    model_.channels[0].to.value = 77;
    expect_violated("chan.directed", "channel `answer` has an end that is no partition");
}

TEST_F(OnTheModel, ChannelThatIsNotPages) {
    model_.channels[0].size.value = 100;
    expect_violated("chan.sizes", "channel `answer` has 100 bytes");
}

TEST_F(OnTheModel, DeviceThatIsNotThere) {
    model_.partitions[0].devices.push_back({"nic0", {}});
    expect_violated("dev.exists", "`alpha` owns `nic0`");
}

TEST_F(OnTheModel, DeviceOwnedTwice) {
    model_.partitions[0].devices.push_back({"sata", {}});
    model_.partitions[1].devices.push_back({"sata", {}});
    expect_violated("dev.exclusive", "`beta` and `alpha` both own device `sata`");
}

class DevicesOnTheModel : public OnTheModel {
protected:
    void SetUp() override {
        auto model = mutation::load(mutation::appliance(mutation::Machine::vt_d));
        ASSERT_TRUE(model.has_value());
        model_ = std::move(*model);
    }
    config::BoardPciFunction& function(const std::string& name) {
        for (config::BoardPciFunction& one : model_.board.pci) {
            if (one.name.value == name) {
                return one;
            }
        }
        return model_.board.pci.front();
    }
};

TEST_F(DevicesOnTheModel, TheWorldIsProved) {
    EXPECT_TRUE(verify_model(model_, {}).proved());
    EXPECT_EQ(of("dev.functions-together").verdict, Verdict::proved);
    EXPECT_EQ(of("dma.reserved-regions").verdict, Verdict::proved);
}

TEST_F(DevicesOnTheModel, TwoBarsAtOnePlace) {
    function("card").bars[0].base.value = function("nic").bars[0].base.value & ~0xFFFFFULL;
    expect_violated("dev.bars-owned", "BAR 0 of `card` and BAR 1 of `nic` both lie at 0xf0200000..0xf0201000");
}

TEST_F(DevicesOnTheModel, ABarInMemory) {
    function("card").bars[0].base.value = 0x700'0000;
    expect_violated("mem.within-board",
                    "BAR 0 of `card` lies at 0x7000000..0x7100000, which the board lists as memory");
}

TEST_F(DevicesOnTheModel, ABarOutsideItsBridge) {
    function("disk").bars[0].base.value = 0xF080'0000;
    expect_violated("mem.within-board", "outside the windows of `port1`");
}

TEST_F(DevicesOnTheModel, ABarInTheWindowOfABridgeThatIsNotAboveIt) {
    function("card").bars[0].base.value = 0xF000'0000 + 0x10'0000;
    expect_violated("dma.p2p", "lies in the window of `port1`, which it is not behind");
}

TEST_F(DevicesOnTheModel, AWindowOverTheInterrupts) {
    function("port1").bridge.window_base = 0xFEE0'0000;
    expect_violated("dma.p2p", "where interrupts are sent");
}

TEST_F(DevicesOnTheModel, ABusWithoutABridge) {
    function("port1").is_bridge = false;
    expect_violated("dma.p2p", "the board lists no bridge that leads to `disk` on bus 01");
}

TEST_F(DevicesOnTheModel, FunctionsOfOneDevice) {
    function("nic").bdf = 0x29;
    expect_violated("dev.functions-together", "are functions of one device");
}

TEST_F(DevicesOnTheModel, DevicesOnOneBusBehindABridge) {
    function("nic").bdf = 0x108;
    expect_violated("dev.functions-together", "lie behind one bridge, `port1`");
}

TEST_F(DevicesOnTheModel, ResetsThatTakeOthersAlong) {
    function("sata").bdf = 0x108;
    function("disk").reset = config::DeviceReset::bus;
    expect_violated("dev.reset", "resets `sata` as well, which `alpha` does not own");
    function("card").reset = config::DeviceReset::bus;
    expect_violated("dev.reset", "the bridge above it, and there is none");
    function("nic").pcie_at = 0;
    expect_violated("dev.reset", "by a capability that it does not have");
}

TEST_F(DevicesOnTheModel, ReservedMemory) {
    config::BoardReserved reserved;
    reserved.base.value = 0x700'0000;
    reserved.size = 0x1'0000;
    reserved.devices.push_back({"sata", {}});
    model_.board.iommu.reserved.push_back(reserved);
    expect_violated("dma.reserved-regions", "as memory to use, and as reserved for devices");
    model_.board.iommu.reserved[0].base.value = 0x8000'0000;
    EXPECT_EQ(of("dma.reserved-regions").verdict, Verdict::proved) << "nobody owns that device";
    model_.board.iommu.reserved[0].devices[0].value = "nic";
    expect_violated("dma.reserved-regions", "`gamma` owns `nic`, for which the firmware reserves memory");
    model_.board.iommu.reserved[0].declared = true;
    EXPECT_EQ(of("dma.reserved-regions").verdict, Verdict::proved);
}

TEST_F(OnTheModel, DevicesAreFlows) {
    model_.partitions[2].devices.push_back({"sata", {}});
    model_.externals.push_back({{"disk", {}}, {{"sata", {}}}});
    config::FlowRule rule;
    rule.from = {false, 0, {}};
    rule.to = {true, 0, {}};
    model_.policy.push_back(rule); // never alpha → disk: alpha writes to gamma, who owns the disk
    expect_violated("flow.policy", "`alpha` reaches `disk`");
}

TEST_F(OnTheModel, ARuleAboutOneself) {
    config::FlowRule rule;
    model_.policy.push_back(rule);
    expect_violated("flow.policy", "can't be kept");
}

TEST_F(OnTheModel, BoardWithTwoEqualApicIds) {
    model_.board.cpus[1].apic_id.value = 0;
    expect_violated("board.contract", "two CPUs with APIC id 0");
}

TEST_F(OnTheModel, BoardWithPackagesThatDiffer) {
    model_.board.cpus[3].package = 1;
    expect_violated("board.contract", "package 0 of board `");
}

TEST_F(OnTheModel, BoardThatListsMemoryTwice) {
    model_.board.memory[1].base.value = 0x40'0000;
    expect_violated("board.contract", "lists memory");
}

TEST_F(OnTheModel, BoardWithMemoryBeyondItsAddresses) {
    model_.board.physical_address_bits = 24;
    expect_violated("board.contract", "needs more than 24 address bits");
}

TEST_F(OnTheModel, BoardWithTheTrampolineTooHigh) {
    model_.board.trampoline.value = 0x10'0000;
    expect_violated("board.contract", "not a page below 1 MiB");
}

TEST_F(OnTheModel, BoardWithRegistersInMemory) {
    model_.board.iommu.registers.value = 0x200'0000;
    expect_violated("board.contract", "not a page outside the memory");
}

TEST_F(OnTheModel, PinnedPastTheLastAddress) {
    model_.partitions[1].base->value = ~0xFFFULL;
    expect_violated("mem.within-board", "past the last address");
}

TEST_F(OnTheModel, FingerprintsSurviveMovedLines) {
    model_.partitions[1].cpu_pins[0].value = 0;
    const std::string before = of("cpu.exclusive").findings.at(0).fingerprint;
    model_.partitions[1].cpu_pins[0].span.line += 40;
    EXPECT_EQ(of("cpu.exclusive").findings.at(0).fingerprint, before);
}

TEST_F(OnTheModel, ProofsNameTheirLines) {
    EXPECT_FALSE(of("mem.disjoint").rests_on.empty());
    EXPECT_FALSE(of("flow.policy").rests_on.empty());
}

TEST_F(OnTheModel, LargeModelsAreQuick) {
    // 64 partitions, 200 channels: the limit is generous, a quadratic check would still break it.
    config::Model large = model_;
    large.partitions.clear();
    large.channels.clear();
    large.policy.clear();
    large.board.memory[1].size.value = 2ULL << 30;
    for (std::uint32_t i = 0; i < 64; ++i) {
        config::Partition partition = model_.partitions[2];
        partition.name.value = "p" + std::to_string(100 + i);
        partition.cpu_pins.clear();
        partition.base = config::Spanned<std::uint64_t>{0x1000'0000ULL + i * 0x100'0000ULL, {}};
        large.partitions.push_back(partition);
        large.board.cpus.push_back({{100 + i, {}}, 100 + i});
    }
    for (std::uint32_t i = 0; i < 200; ++i) {
        config::Channel channel = model_.channels[0];
        channel.name.value = "c" + std::to_string(1000 + i);
        channel.from.value = i % 64;
        channel.to.value = (i + 1 + i / 64) % 64;
        large.channels.push_back(channel);
    }
    const Report report = verify_model(large, {});
    EXPECT_TRUE(report.proved());
    EXPECT_LT(report.seconds, 5.0);
}

} // namespace

} // namespace septum::verifier
