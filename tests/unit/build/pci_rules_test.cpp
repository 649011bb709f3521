// SPDX-License-Identifier: Apache-2.0
// What an owner finds in configuration space.
#include "build/tables/pci_rules.hpp"
#include "tests/unit/build/models.hpp"

namespace septum::build {
namespace {

using namespace test;
using manifest::PciAnswer;
using manifest::PciRegister;

const PciRegister* find(const std::vector<PciRegister>& rules, std::uint32_t offset) {
    for (const auto& rule : rules) {
        if (rule.offset == offset) {
            return &rule;
        }
    }
    return nullptr;
}

config::BoardPciFunction named(const std::string& name) {
    config::Board board = make_board();
    add_devices(board);
    return board.pci[function_named(board, name)];
}

TEST(PciRules, SortedAndOnePerDoubleword) {
    for (const char* name : {"nvme0", "edu"}) {
        const auto rules = pci_registers(named(name), false);
        EXPECT_LE(rules.size(), manifest::kMaxPciRegisters);
        for (std::size_t i = 0; i < rules.size(); ++i) {
            EXPECT_EQ(rules[i].offset % 4, 0U);
            EXPECT_TRUE(i == 0 || rules[i - 1].offset < rules[i].offset);
            EXPECT_EQ(rules[i].write_mask & rules[i].one_clears, 0U);
            if (rules[i].answer == PciAnswer::constant) {
                EXPECT_EQ(rules[i].read_mask | rules[i].write_mask | rules[i].one_clears, 0U);
            }
        }
    }
}

TEST(PciRules, Header) {
    const auto rules = pci_registers(named("nvme0"), true);
    EXPECT_EQ(find(rules, 0x00)->set, 0x0010'1B36U);
    EXPECT_EQ(find(rules, 0x08)->set, 0x0108'0200U);
    EXPECT_EQ(find(rules, 0x08)->read_mask, 0xFFU);
    EXPECT_EQ(find(rules, 0x0C)->set, 0x0080'0000U);
    EXPECT_EQ(find(pci_registers(named("nvme0"), false), 0x0C)->set, 0U);
    const PciRegister* command = find(rules, 0x04);
    EXPECT_EQ(command->write_mask, 0x0146U); // memory, bus master, parity, SERR
    EXPECT_EQ(command->one_clears, 0xF900'0000U);
    EXPECT_EQ(command->set, 0x0010'0400U); // capabilities; legacy interrupt disabled
    EXPECT_EQ(command->read_mask & 1U, 0U);
    EXPECT_EQ(find(rules, 0x10)->answer, PciAnswer::bar_low);
    EXPECT_EQ(find(rules, 0x14)->answer, PciAnswer::bar_high);
    EXPECT_EQ(find(rules, 0x18), nullptr);
    EXPECT_EQ(find(rules, 0x30), nullptr); // no ROM
    EXPECT_EQ(find(rules, 0x3C), nullptr); // no legacy interrupt
}

// The chain has what the board states and is shown, once each, in order.
std::vector<std::uint32_t> chain(const std::vector<PciRegister>& rules) {
    std::vector<std::uint32_t> ids;
    const PciRegister* pointer = find(rules, 0x34);
    std::uint32_t at = pointer != nullptr ? pointer->set : 0;
    while (at != 0 && ids.size() < 64) {
        const PciRegister* rule = find(rules, at);
        if (rule == nullptr) {
            ADD_FAILURE() << at;
            break;
        }
        ids.push_back(rule->set & 0xFFU);
        at = rule->set >> 8U & 0xFFU;
    }
    return ids;
}

TEST(PciRules, CapabilityChain) {
    EXPECT_EQ(chain(pci_registers(named("nvme0"), false)), (std::vector<std::uint32_t>{0x11, 0x01, 0x10, 0x09}));
    EXPECT_EQ(chain(pci_registers(named("edu"), false)), (std::vector<std::uint32_t>{0x05}));
    auto plain = named("edu");
    plain.msi = {};
    EXPECT_TRUE(chain(pci_registers(plain, false)).empty());
    EXPECT_EQ(find(pci_registers(plain, false), 0x04)->set, 0x0400U);
}

TEST(PciRules, MsixIsAsLongAsItsOwnerSeesIt) {
    auto nvme = named("nvme0");
    EXPECT_EQ(find(pci_registers(nvme, false), 0x40)->set, 0x0040'6011U);
    EXPECT_EQ(find(pci_registers(nvme, false), 0x40)->answer, PciAnswer::msix_control);
    EXPECT_EQ(find(pci_registers(nvme, false), 0x40)->write_mask, 0xC000'0000U);
    EXPECT_EQ(find(pci_registers(nvme, false), 0x44)->set, 0x2000U);
    EXPECT_EQ(find(pci_registers(nvme, false), 0x48)->set, 0x3000U);
    nvme.msix.entries = 2048;
    EXPECT_EQ(find(pci_registers(nvme, false), 0x40)->set, 0x007F'6011U);
    nvme.msi = {0xA0, 4, true, true}; // not shown beside MSI-X
    EXPECT_EQ(find(pci_registers(nvme, false), 0xA0), nullptr);
    EXPECT_EQ(chain(pci_registers(nvme, false)), (std::vector<std::uint32_t>{0x11, 0x01, 0x10, 0x09}));
}

TEST(PciRules, MsiShapes) {
    auto edu = named("edu");
    auto rules = pci_registers(edu, false);
    EXPECT_EQ(find(rules, 0x40)->set, 0x0080'0005U);
    EXPECT_EQ(find(rules, 0x44)->answer, PciAnswer::msi_address);
    EXPECT_EQ(find(rules, 0x48)->answer, PciAnswer::msi_address_high);
    EXPECT_EQ(find(rules, 0x4C)->answer, PciAnswer::msi_data);
    EXPECT_EQ(find(rules, 0x50), nullptr);
    edu.msi = {0x40, 8, false, true};
    rules = pci_registers(edu, false);
    EXPECT_EQ(find(rules, 0x40)->set, 0x0106'0005U); // maskable, 8 capable
    EXPECT_EQ(find(rules, 0x48)->answer, PciAnswer::msi_data);
    EXPECT_EQ(find(rules, 0x4C)->write_mask, 0xFFU); // mask bits
    EXPECT_EQ(find(rules, 0x50)->read_mask, 0xFFU);  // pending bits
    EXPECT_EQ(find(rules, 0x50)->write_mask, 0U);
}

TEST(PciRules, PowerAndExpressAreFiltered) {
    const auto rules = pci_registers(named("nvme0"), false);
    EXPECT_EQ(find(rules, 0x60)->read_mask, 0x0027'0000U);   // no PME, no D1, no D2
    EXPECT_EQ(find(rules, 0x64)->write_mask, 0U);            // stays in D0
    EXPECT_EQ(find(rules, 0x84)->read_mask & 1U << 28U, 0U); // no function level reset
    EXPECT_EQ(find(rules, 0x88)->write_mask & 1U << 15U, 0U);
    EXPECT_EQ(find(rules, 0x88)->write_mask, 0x7810U);
    EXPECT_EQ(find(rules, 0xB0)->read_mask, ~0U);
    auto old = named("nvme0");
    old.pcie_at = 0xE8;
    old.capabilities.clear();
    EXPECT_NE(find(pci_registers(old, false), 0xF8), nullptr);
    EXPECT_EQ(pci_registers(old, false).back().offset, 0xF8U); // version 1 ends with the link
}

TEST(PciRules, OthersAreReadOnlyToTheirLastByte) {
    const auto rules = pci_registers(named("nvme0"), false);
    EXPECT_EQ(find(rules, 0xC0)->read_mask, 0xFFFF'0000U);
    EXPECT_EQ(find(rules, 0xC0)->set, 0x0000'0009U);
    EXPECT_EQ(find(rules, 0xC4)->read_mask, ~0U);
    EXPECT_EQ(find(rules, 0xD0)->read_mask, 0xFFFFU); // bytes 16 and 17 of 18
    EXPECT_EQ(find(rules, 0xE0), nullptr);            // Advanced Features: not shown
    for (const std::uint32_t at : {0xC0U, 0xC4U, 0xD0U}) {
        EXPECT_EQ(find(rules, at)->write_mask | find(rules, at)->one_clears, 0U);
    }
}

TEST(PciRules, HostBridgeIsConstant) {
    for (const auto& rule : host_bridge_registers()) {
        EXPECT_EQ(rule.answer, PciAnswer::constant);
    }
    EXPECT_EQ(host_bridge_registers()[0].set, 0x0008'1B36U);
    EXPECT_EQ(host_bridge_registers()[1].set >> 16U, 0x0600U);
}

TEST(PciRules, WaysOfReset) {
    config::Board board = make_board();
    add_devices(board);
    auto nvme = board.pci[function_named(board, "nvme0")];
    EXPECT_EQ(reset_way(nvme, board).kind, manifest::ResetKind::flr);
    EXPECT_EQ(reset_way(nvme, board).at, 0x80U);
    nvme.reset = config::DeviceReset::af_flr;
    EXPECT_EQ(reset_way(nvme, board).at, 0xE0U);
    nvme.reset = config::DeviceReset::power;
    EXPECT_EQ(reset_way(nvme, board).at, 0x60U);
    nvme.reset = config::DeviceReset::bus;
    EXPECT_EQ(reset_way(nvme, board).bridge, 2U << 3U);
    EXPECT_EQ(reset_way(nvme, board).at, 0U);
    nvme.reset = config::DeviceReset::none;
    EXPECT_EQ(reset_way(nvme, board).kind, manifest::ResetKind::none);
    const auto bridges = bridge_records(board);
    ASSERT_EQ(bridges.size(), 1U);
    EXPECT_EQ(bridges[0].acs_at, 0x148U);
    EXPECT_EQ(bridges[0].window.size, 2 * kMiB);
}

TEST(PciRules, FactsAreWhatTheRulesRestOn) {
    const auto model = make_owners();
    const auto outcome = place(model, {Hpa{0x20'0000}, 0x1'0000});
    ASSERT_TRUE(outcome.ok());
    const auto facts = pci_facts(*outcome.value, model.board);
    const auto fact = [&](std::uint16_t bdf, std::uint32_t offset) {
        for (const auto& each : facts) {
            if (each.bdf == bdf && each.offset == offset) {
                return each;
            }
        }
        ADD_FAILURE() << bdf << " " << offset;
        return PciFact{};
    };
    EXPECT_EQ(fact(0x100, 0x08).expected, 0x0108'0200U);
    EXPECT_EQ(fact(0x100, 0x40).expected, 0x0040'0011U);
    EXPECT_EQ(fact(0x100, 0x44).expected, 0x2000U);
    EXPECT_EQ(fact(0x100, 0x84).mask, 1U << 28U);
    EXPECT_EQ(fact(0x28, 0x40).expected, 0x0080'0005U);
    EXPECT_EQ(fact(0x10, 0x18).expected, 0x0001'0100U); // buses behind port1
    EXPECT_EQ(fact(0x10, 0x0C).expected, 0x0001'0000U);
    for (const auto& each : facts) {
        EXPECT_EQ(each.expected & ~each.mask, 0U) << each.what;
        EXPECT_EQ(each.offset % 4, 0U);
    }
}

} // namespace
} // namespace septum::build
