// SPDX-License-Identifier: Apache-2.0
// The shipped examples and boards load, and say what they are meant to say.
#include "config/model.hpp"

#include <gtest/gtest.h>

namespace septum::config {
namespace {

const std::filesystem::path kConfig = std::filesystem::path(SEPTUM_SOURCE_DIR) / "config";

std::string said(const Loaded& loaded) {
    std::string out;
    for (const Diagnostic& diagnostic : loaded.diagnostics)
        out += render(diagnostic, loaded.sources, false);
    return out;
}

LoadOptions shipped() {
    return {"", {kConfig / "boards"}};
}

TEST(Examples, GatewayLoads) {
    const Loaded loaded = load(kConfig / "examples/gateway.yaml", shipped());
    ASSERT_TRUE(loaded.model) << said(loaded);
    const Model& model = *loaded.model;
    EXPECT_EQ(model.name.value, "gateway");
    EXPECT_EQ(model.directory, kConfig / "examples");
    ASSERT_EQ(model.partitions.size(), 3U);
    const Partition& gateway = model.partitions[0];
    EXPECT_EQ(gateway.name.value, "gateway");
    EXPECT_EQ(gateway.cpu_count, 2U);
    EXPECT_TRUE(gateway.cpu_pins.empty());
    EXPECT_EQ(gateway.memory.value, 256ULL << 20);
    EXPECT_EQ(gateway.boot.kind, BootKind::linux);
    EXPECT_EQ(gateway.boot.image.value, "vmlinuz-cloud");
    EXPECT_EQ(gateway.boot.initrd.value().value, "gateway.cpio.gz");
    EXPECT_EQ(gateway.boot.cmdline.value, "console=ttyS0 quiet");
    EXPECT_TRUE(gateway.console);
    EXPECT_EQ(gateway.on_fault.action, FaultAction::restart);
    EXPECT_EQ(gateway.on_fault.attempts, 3U);
    EXPECT_EQ(model.partitions[1].name.value, "intruder");
    EXPECT_EQ(model.partitions[1].on_fault.attempts, 40U);
    EXPECT_EQ(model.partitions[2].name.value, "vault");
    ASSERT_EQ(model.channels.size(), 2U);
    EXPECT_EQ(model.channels[0].name.value, "answer");
    EXPECT_EQ(model.channels[0].from.value, 2U);
    EXPECT_EQ(model.channels[0].to.value, 0U);
    EXPECT_EQ(model.channels[1].size.value, 64U << 10);
    EXPECT_TRUE(model.channels[1].doorbell);
    EXPECT_EQ(model.policy.size(), 4U);
    // The only remark: the answer's doorbell rings into Linux.
    ASSERT_EQ(loaded.diagnostics.size(), 1U) << said(loaded);
    EXPECT_EQ(loaded.diagnostics[0].severity, Severity::note);
    EXPECT_EQ(loaded.diagnostics[0].id, "config.doorbell-polled");
}

TEST(Examples, NativeGatewayLoadsWithoutRemarks) {
    const Loaded loaded = load(kConfig / "examples/gateway-native.yaml", shipped());
    ASSERT_TRUE(loaded.model) << said(loaded);
    EXPECT_EQ(said(loaded), "");
    EXPECT_EQ(loaded.model->partitions[0].boot.kind, BootKind::elf64);
}

TEST(Boards, Q35) {
    const Loaded loaded = load(kConfig / "examples/gateway.yaml", shipped());
    ASSERT_TRUE(loaded.model) << said(loaded);
    const Board& board = loaded.model->board;
    EXPECT_EQ(board.name.value, "qemu-q35");
    EXPECT_EQ(board.vendor.value, Vendor::amd);
    EXPECT_EQ(board.apic.value, Apic::x2apic);
    ASSERT_EQ(board.cpus.size(), 4U);
    EXPECT_EQ(board.cpus[3].apic_id.value, 3U);
    EXPECT_EQ(board.cpus[3].core, 3U);
    ASSERT_EQ(board.memory.size(), 2U);
    EXPECT_EQ(board.memory[0].base.value, 0x200000U);
    EXPECT_EQ(board.memory[0].base.value + board.memory[0].size.value, 0x800000U);
    EXPECT_EQ(board.memory[1].base.value, 0x1000000U);
    EXPECT_EQ(board.memory[1].base.value + board.memory[1].size.value, 0x3C000000U);
    EXPECT_EQ(board.iommu.kind, BoardIommu::vt_d);
    EXPECT_EQ(board.iommu.registers.value, 0xFED90000U);
    EXPECT_EQ(board.trampoline.value, 0x8000U);
    EXPECT_EQ(board.physical_address_bits, 40U);
    EXPECT_TRUE(board.huge_pages_1g);
    EXPECT_EQ(board.console_port, 0x3F8U);
    ASSERT_EQ(board.pci.size(), 4U);
    EXPECT_EQ(board.pci[2].name.value, "sata");
    EXPECT_EQ(board.pci[2].bdf, 0x1F << 3 | 2);
    EXPECT_EQ(board.pci[2].vendor, 0x8086U);
    EXPECT_EQ(board.pci[2].device, 0x2922U);
    EXPECT_TRUE(board.has_qemu);
    EXPECT_EQ(board.qemu.memory_mib, 1024U);
    EXPECT_EQ(board.qemu.minimum_version, "9.0");
}

TEST(Boards, TheCallerMayChooseAnother) {
    LoadOptions options = shipped();
    options.board = "qemu-q35-xapic";
    const Loaded loaded = load(kConfig / "examples/gateway.yaml", options);
    ASSERT_TRUE(loaded.model) << said(loaded);
    EXPECT_EQ(loaded.model->board.apic.value, Apic::xapic);
    EXPECT_EQ(loaded.model->board.qemu.minimum_version, "7.2");
}

TEST(Load, AnswersByCause) {
    const std::filesystem::path file =
        std::filesystem::path(SEPTUM_SOURCE_DIR) / "tests/cases/config/health/input.yaml";
    const Loaded loaded = load(file, {});
    ASSERT_TRUE(loaded.model);
    const Partition& alpha = loaded.model->partitions[0];
    using Action = FaultAction;
    EXPECT_EQ(alpha.on_fault.by_cause,
              (std::array<Action, kCauses>{Action::restart, Action::restart, Action::restart, Action::halt_system,
                                           Action::restart, Action::stop}));
    EXPECT_EQ(alpha.on_fault.attempts, 5U);
    EXPECT_EQ(alpha.on_fault.backoff_ms, 100U);
    ASSERT_TRUE(alpha.heartbeat_ms);
    EXPECT_EQ(alpha.heartbeat_ms->value, 2000U);
    EXPECT_FALSE(alpha.event_log || alpha.pit);
    const Partition& beta = loaded.model->partitions[1];
    EXPECT_EQ(beta.on_fault.by_cause, (std::array<Action, kCauses>{Action::stop, Action::stop, Action::stop,
                                                                   Action::stop, Action::stop, Action::restart}));
    EXPECT_TRUE(beta.event_log && beta.pit);
    ASSERT_TRUE(loaded.model->board.watchdog);
    EXPECT_EQ(loaded.model->board.watchdog->hpet.value, 0xFED0'0000U);
    EXPECT_EQ(loaded.model->board.watchdog->requester, 0xF8);
}

} // namespace
} // namespace septum::config
