// SPDX-License-Identifier: Apache-2.0
// Configuration space, as far as a board file states it (PCI 3.0 §6; PCIe 6.0 §7.5).
#pragma once

#include "probe/machine.hpp"

#include <string_view>

namespace septum::probe {

[[nodiscard]] std::optional<std::uint16_t> parse_bdf(std::string_view text); // "0000:00:1f.3"; segment 0 only
[[nodiscard]] std::string bdf_text(std::uint16_t bdf);                       // "00:1f.3"

// Lines of sysfs `resource`: "0x… 0x… 0x…", the first, the last byte and Linux's flags.
void read_resources(const std::string& text, Function& function);

struct Capability {
    std::uint8_t at = 0;
    std::uint8_t id = 0;
};
// In the order of the list; bounded, and only those that lie in what was read.
[[nodiscard]] std::vector<Capability> capabilities(const Function& function);
[[nodiscard]] std::optional<std::uint8_t> find_capability(const Function& function, std::uint8_t id);
[[nodiscard]] std::optional<std::uint16_t> find_extended(const Function& function, std::uint16_t id);

[[nodiscard]] bool is_bridge(const Function& function);
[[nodiscard]] std::string name_of(const Function& function);  // "nic": by class, without a number
[[nodiscard]] const char* reset_of(const Function& function); // "flr", "af-flr", "power" or "none"

} // namespace septum::probe
