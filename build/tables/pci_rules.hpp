// SPDX-License-Identifier: Apache-2.0
// What a partition finds in the configuration space of its functions (septum/manifest/manifest.hpp: PciRegister), and
// what the machine must have there for that to be true.
#pragma once

#include "build/plan/plan.hpp"
#include "config/model.hpp"

#include <septum/manifest/manifest.hpp>

#include <vector>

namespace septum::build {

// The rules of an owned function, sorted by offset. `multi_function`: its owner has other functions of the same device.
[[nodiscard]] std::vector<manifest::PciRegister> pci_registers(const config::BoardPciFunction& function,
                                                               bool multi_function);

// Those of the virtual host bridge, at 00:00.0 of every partition with devices: constants only.
[[nodiscard]] std::vector<manifest::PciRegister> host_bridge_registers();

// How the device is reset: the capability that does it, or the bridge above.
struct ResetWay {
    manifest::ResetKind kind = manifest::ResetKind::none;
    std::uint8_t at = 0;
    std::uint16_t bridge = manifest::kNobody;
};
[[nodiscard]] ResetWay reset_way(const config::BoardPciFunction& function, const config::Board& board);

// The bridges that the boot part sets up, by bdf.
[[nodiscard]] std::vector<manifest::Bridge> bridge_records(const config::Board& board);

// One doubleword of configuration space as the board file states it.
struct PciFact {
    std::uint16_t bdf = 0;
    std::uint8_t offset = 0;
    std::uint32_t mask = 0;
    std::uint32_t expected = 0;
    std::string what; // "class", "BAR 0" …
};
// What the rules, the reset and the interrupts of owned functions rest on, and the buses behind every bridge.
[[nodiscard]] std::vector<PciFact> pci_facts(const Plan& plan, const config::Board& board);

} // namespace septum::build
