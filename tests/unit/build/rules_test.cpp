// SPDX-License-Identifier: Apache-2.0
#include "build/tables/facts.hpp"
#include "build/tables/rules.hpp"
#include "tests/unit/build/models.hpp"

#include <septum/guest/board.hpp>

namespace septum::build {
namespace {

using namespace test;
using manifest::CpuidRule;
using manifest::MsrAnswer;
using manifest::PortAnswer;

const manifest::PortRule* rule_of(const std::vector<manifest::PortRule>& rules, unsigned port) {
    for (const auto& rule : rules) {
        if (port >= rule.first && port <= rule.last) {
            return &rule;
        }
    }
    return nullptr;
}

TEST(PortRules, SortedDisjointAndAsTheBoardSays) {
    auto partition = make_partition("x", 2 * kMiB);
    const auto rules = port_rules(partition);
    for (std::size_t i = 1; i < rules.size(); ++i) {
        EXPECT_LT(rules[i - 1].last, rules[i].first);
    }
    EXPECT_EQ(rule_of(rules, 0x3FF)->answer, PortAnswer::uart);
    EXPECT_EQ(rule_of(rules, 0xCF9)->answer, PortAnswer::forbidden);
    EXPECT_EQ(rule_of(rules, 0xCF8), nullptr);
    EXPECT_EQ(rule_of(rules, 0xB2)->answer, PortAnswer::forbidden);
    EXPECT_EQ(rule_of(rules, 0x80), nullptr);
    EXPECT_EQ(rule_of(rules, guest::kSleepPort)->answer, PortAnswer::sleep);
    EXPECT_EQ(rule_of(rules, guest::kDoorbellPort)->answer, PortAnswer::doorbell);
    partition.console = false;
    EXPECT_EQ(rule_of(port_rules(partition), 0x3F8), nullptr);
}

// What boots as a PC finds its trigger registers, with interrupt 9 on level, and a bus; a native guest finds neither.
TEST(PortRules, APcHasItsTriggersAndABus) {
    auto partition = make_partition("x", 2 * kMiB);
    EXPECT_EQ(rule_of(port_rules(partition), 0x4D0), nullptr);
    for (const auto kind : {config::BootKind::linux, config::BootKind::pvh, config::BootKind::multiboot}) {
        partition.boot.kind = kind;
        const auto rules = port_rules(partition);
        for (std::size_t i = 1; i < rules.size(); ++i) {
            EXPECT_LT(rules[i - 1].last, rules[i].first);
        }
        for (const unsigned port : {0x4D0U, 0x4D1U}) {
            const auto* rule = rule_of(rules, static_cast<std::uint16_t>(port));
            ASSERT_NE(rule, nullptr);
            EXPECT_EQ(rule->answer, PortAnswer::constant);
            EXPECT_EQ(rule->value, port == 0x4D0 ? 0 : 2);
        }
        EXPECT_EQ(rule_of(rules, 0x4D2), nullptr);
        EXPECT_EQ(rule_of(rules, 0xCF8)->answer, PortAnswer::pci_address);
        EXPECT_EQ(rule_of(rules, 0xCFC)->answer, PortAnswer::pci_data);
    }
}

// Mechanism #1 for native guests with devices alone; the reset control register in its midst stays forbidden.
TEST(PortRules, ConfigurationSpaceNeedsADevice) {
    auto partition = make_partition("x", 2 * kMiB);
    EXPECT_EQ(rule_of(port_rules(partition), 0xCFC), nullptr);
    partition.device_indices = {0};
    const auto rules = port_rules(partition);
    EXPECT_LE(rules.size(), manifest::kMaxPortRules);
    for (std::size_t i = 1; i < rules.size(); ++i) {
        EXPECT_LT(rules[i - 1].last, rules[i].first);
    }
    for (const unsigned port : {0xCF8U, 0xCFAU, 0xCFBU}) {
        EXPECT_EQ(rule_of(rules, static_cast<std::uint16_t>(port))->answer, PortAnswer::pci_address) << port;
    }
    EXPECT_EQ(rule_of(rules, 0xCF9)->answer, PortAnswer::forbidden);
    for (const unsigned port : {0xCFCU, 0xCFDU, 0xCFEU, 0xCFFU}) {
        EXPECT_EQ(rule_of(rules, static_cast<std::uint16_t>(port))->answer, PortAnswer::pci_data) << port;
    }
    EXPECT_EQ(rule_of(rules, 0xD00), nullptr);
}

TEST(PortRules, GrantedPortsAreCutOut) {
    auto partition = make_partition("x", 2 * kMiB);
    partition.ports_first = {{0x3FA, {}}};
    partition.ports_last = {{0x3FB, {}}};
    const auto rules = port_rules(partition);
    EXPECT_EQ(rule_of(rules, 0x3F9)->last, 0x3F9);
    EXPECT_EQ(rule_of(rules, 0x3FA), nullptr);
    EXPECT_EQ(rule_of(rules, 0x3FC)->first, 0x3FC);
}

TEST(MsrRules, SortedAndDisjoint) {
    const auto rules = msr_rules();
    EXPECT_LE(rules.size(), manifest::kMaxMsrRules);
    for (std::size_t i = 0; i < rules.size(); ++i) {
        EXPECT_LE(rules[i].first, rules[i].last);
        EXPECT_TRUE(i == 0 || rules[i - 1].last < rules[i].first);
        EXPECT_EQ(rules[i].reserved0, 0);
        EXPECT_EQ(rules[i].reserved1, 0U);
        EXPECT_FALSE(rules[i].first <= 0x277 && rules[i].last >= 0x277); // PAT is the guest's own
        if (rules[i].first == 0x179) {                                   // MCG_CAP, MCG_STATUS
            EXPECT_EQ(rules[i].last, 0x17AU);
            EXPECT_EQ(rules[i].value, 0U);
            EXPECT_EQ(rules[i].on_write, manifest::MsrAnswer::fault_gp);
        }
    }
}

const CpuidRule& cpuid_of(const std::vector<CpuidRule>& rules, std::uint32_t leaf, std::uint32_t subleaf) {
    for (const auto& rule : rules) {
        if (rule.leaf == leaf && (rule.subleaf == subleaf || rule.subleaf == manifest::kCpuidAnySubleaf)) {
            return rule;
        }
    }
    ADD_FAILURE() << "no rule for " << leaf;
    return rules.front();
}

TEST(CpuidRules, HideAndShow) {
    const auto outcome = place(make_pair(), {Hpa{0x20'0000}, 0x1000});
    ASSERT_TRUE(outcome.ok());
    const auto rules = cpuid_rules(*outcome.value, 0, config::Apic::x2apic);
    EXPECT_LE(rules.size(), manifest::kMaxCpuidRules);
    for (std::size_t i = 1; i < rules.size(); ++i) {
        EXPECT_TRUE(rules[i - 1].leaf < rules[i].leaf ||
                    (rules[i - 1].leaf == rules[i].leaf && rules[i - 1].subleaf < rules[i].subleaf));
        EXPECT_LT(rules[i].leaf & 0x3FFF'FFFFU, 0x20U);
        for (unsigned r = 0; r < 4; ++r) {
            EXPECT_TRUE((rules[i].mask[r] & rules[i].set[r]) == 0 || rules[i].leaf == 1) << rules[i].leaf;
        }
    }
    const auto& leaf1 = cpuid_of(rules, 1, 0);
    EXPECT_EQ(leaf1.set[2], 1U << 31 | 1U << 21);                  // hypervisor, x2APIC
    EXPECT_EQ(leaf1.mask[2] & (1U << 24 | 1U << 3 | 1U << 5), 0U); // TSC-deadline, MONITOR, VMX
    EXPECT_NE(leaf1.mask[2] & (1U << 13), 0U);
    EXPECT_EQ(leaf1.mask[3] & (1U << 7 | 1U << 14), 1U << 7 | 1U << 14); // MCE, MCA: with no banks
    EXPECT_EQ(leaf1.set[1], 2U << 16);
    EXPECT_EQ(leaf1.set[3], 1U << 28);
    EXPECT_EQ(cpuid_of(cpuid_rules(*outcome.value, 0, config::Apic::xapic), 1, 0).mask[2] & (1U << 13), 0U);
    EXPECT_EQ(cpuid_of(rules, 6, 0).set[0], 4U);
    EXPECT_EQ(cpuid_of(rules, 0xB, 1).set[0], 1U); // ids 0 and 1
    EXPECT_EQ(cpuid_of(rules, 0xB, 1).set[1], 2U);
    EXPECT_EQ(cpuid_of(rules, 0x8000'0001, 0).mask[2] & (1U << 2 | 1U << 22 | 1U << 29), 0U);
    EXPECT_EQ(cpuid_of(rules, 0x8000'0008, 0).set[2], 1U << 12 | 1U);
    const auto& vendor = cpuid_of(rules, 0x4000'0000, 0);
    std::string name(12, ' ');
    std::memcpy(name.data(), &vendor.set[1], 12);
    EXPECT_EQ(name, "VMwareVMware");
    const auto single = cpuid_rules(*outcome.value, 1, config::Apic::x2apic); // APIC id 2 alone
    EXPECT_EQ(cpuid_of(single, 0xB, 1).set[0], 0U);
    EXPECT_EQ(cpuid_of(single, 1, 0).set[3], 0U);
}

const manifest::Fact* fact_of(const std::vector<manifest::Fact>& facts, const std::string& name) {
    for (const auto& fact : facts) {
        if (name == fact.name) {
            return &fact;
        }
    }
    return nullptr;
}

TEST(Facts, WhatTheBoardSays) {
    const auto model = make_pair();
    const auto outcome = place(model, {Hpa{0x20'0000}, 0x1000});
    ASSERT_TRUE(outcome.ok());
    auto board = model.board;
    auto facts = board_facts(*outcome.value, board, false);
    EXPECT_EQ(fact_of(facts, "x2apic")->expected, 1U << 21);
    EXPECT_EQ(fact_of(facts, "number of cpus less one")->expected, 3U);
    EXPECT_EQ(fact_of(facts, "number of asids")->expected, 3U);
    EXPECT_EQ(fact_of(facts, "threads per core")->expected, 1U);
    EXPECT_EQ(fact_of(facts, "pci host-bridge")->expected, 0x29C0'8086U);
    EXPECT_EQ(fact_of(facts, "page attribute table")->expected, 0x0007'0406'0007'0406ULL);
    EXPECT_EQ(fact_of(facts, "1 GiB pages"), nullptr);
    EXPECT_EQ(fact_of(facts, "microcode patch level"), nullptr);
    for (const auto& fact : facts) {
        EXPECT_EQ(fact.name[manifest::kNameSize - 1], 0);
        EXPECT_EQ(fact.expected & ~fact.mask, 0U) << fact.name;
    }
    EXPECT_EQ(fact_of(facts, "cpus of a package less one"), nullptr);
    auto halves = board;
    halves.cpus[2].package = halves.cpus[3].package = 7;
    facts = board_facts(*outcome.value, halves, false);
    EXPECT_EQ(fact_of(facts, "cpus of a package less one")->expected, 1U);
    EXPECT_EQ(fact_of(facts, "number of cpus less one"), nullptr);
    board.apic.value = config::Apic::xapic;
    board.microcode_floor = 0x0830'1055;
    board.cpus[1].core = 0;
    facts = board_facts(*outcome.value, board, true);
    EXPECT_EQ(fact_of(facts, "x2apic")->expected, 0U);
    EXPECT_EQ(fact_of(facts, "microcode patch level")->kind, manifest::FactKind::msr_at_least);
    EXPECT_EQ(fact_of(facts, "threads per core"), nullptr); // cores differ
    EXPECT_NE(fact_of(facts, "1 GiB pages"), nullptr);
}

} // namespace
} // namespace septum::build
