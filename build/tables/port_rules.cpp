// SPDX-License-Identifier: Apache-2.0
#include "build/plan/devices.hpp"
#include "build/tables/acpi.hpp"
#include "build/tables/rules.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>
#include <array>

namespace septum::build {
namespace {

using manifest::PortAnswer;
using manifest::PortRule;

// Ports through which a program reaches firmware or the whole machine and which no stock kernel touches by probing.
// All others that are not answered are absent: probing is normal.
constexpr std::array kForbidden{
    PortRule{0x92, 0x92, PortAnswer::forbidden, 0, 0},   // system control port A: A20 and fast reset
    PortRule{0xB2, 0xB3, PortAnswer::forbidden, 0, 0},   // APM control and status: raises an SMI
    PortRule{0x600, 0x67F, PortAnswer::forbidden, 0, 0}, // ICH9 ACPI power management block, SMI enable included
    PortRule{0xCF9, 0xCF9, PortAnswer::forbidden, 0, 0}, // reset control register
};

constexpr std::array kVirtual{
    // Linux reads the CMOS clock even if the FADT says that there is none; all-ones would make it wait for two seconds.
    PortRule{0x70, 0x71, PortAnswer::constant, 0, 0},
    PortRule{guest::kSleepPort, guest::kSleepPort, PortAnswer::sleep, 0, 0},
    PortRule{guest::kSleepStatusPort, guest::kSleepStatusPort, PortAnswer::constant, 0, 0},
    PortRule{guest::kResetPort, guest::kResetPort, PortAnswer::reset, 0, 0},
    PortRule{guest::kDoorbellPort, guest::kDoorbellPort, PortAnswer::doorbell, 0, 0},
};

// The edge/level registers of a PC's interrupt controllers (Intel ICH9 data sheet §13.4.7), as firmware leaves them:
// all edge but the interrupt that the FADT names for ACPI. A kernel that finds it otherwise sets it right, and says so.
constexpr std::uint16_t kLevel = 1U << kAcpiInterrupt;
constexpr std::array kTriggers{
    PortRule{0x4D0, 0x4D0, PortAnswer::constant, kLevel & 0xFFU, 0},
    PortRule{0x4D1, 0x4D1, PortAnswer::constant, kLevel >> 8U, 0},
};

// Cuts [first, last] out of `rules`.
void cut(std::vector<PortRule>& rules, unsigned first, unsigned last) {
    std::vector<PortRule> kept;
    for (const auto& rule : rules) {
        if (rule.last < first || rule.first > last) {
            kept.push_back(rule);
            continue;
        }
        if (rule.first < first) {
            PortRule before = rule;
            before.last = static_cast<std::uint16_t>(first - 1);
            kept.push_back(before);
        }
        if (rule.last > last) {
            PortRule after = rule;
            after.first = static_cast<std::uint16_t>(last + 1);
            kept.push_back(after);
        }
    }
    rules = std::move(kept);
}

} // namespace

std::vector<PortRule> port_rules(const config::Partition& partition) {
    std::vector<PortRule> rules(kForbidden.begin(), kForbidden.end());
    rules.insert(rules.end(), kVirtual.begin(), kVirtual.end());
    if (partition.console) {
        rules.push_back({guest::kUartPort, guest::kUartPort + 7, PortAnswer::uart, 0, 0});
    }
    if (partition.pit) {
        rules.push_back({0x40, 0x43, PortAnswer::pit, 0, 0}); // 8254 (Intel 82C54): channels and control word
        rules.push_back({0x61, 0x61, PortAnswer::pit_gate, 0, 0});
    }
    if (partition.boot.kind != config::BootKind::elf64) {
        rules.insert(rules.end(), kTriggers.begin(), kTriggers.end());
    }
    if (has_pci_bus(partition)) {
        // 0xCF9 stays forbidden: a doubleword at 0xCF8 does not touch the reset control register (PCI 3.0 §3.2.2.3.2),
        // and the kernel tells the two apart.
        constexpr auto kAddress = guest::kPciAddressPort;
        rules.push_back({kAddress, kAddress, PortAnswer::pci_address, 0, 0});
        rules.push_back({kAddress + 2, kAddress + 3, PortAnswer::pci_address, 0, 0});
        rules.push_back({guest::kPciDataPort, guest::kPciDataPort + 3, PortAnswer::pci_data, 0, 0});
    }
    const std::size_t grants = std::min(partition.ports_first.size(), partition.ports_last.size());
    for (std::size_t i = 0; i < grants; ++i) {
        cut(rules, partition.ports_first[i].value, partition.ports_last[i].value);
    }
    std::sort(rules.begin(), rules.end(), [](const PortRule& a, const PortRule& b) { return a.first < b.first; });
    return rules;
}

} // namespace septum::build
