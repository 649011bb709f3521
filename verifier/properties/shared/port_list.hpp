// SPDX-License-Identifier: Apache-2.0
// Ports that no partition may own: a write there reaches past every page table.
#pragma once

#include "config/model.hpp"

#include <cstdint>
#include <vector>

namespace septum::verifier {

struct DangerousPorts {
    std::uint16_t first;
    std::uint16_t last; // inclusive
    const char* why;
    bool fault = false; // a touch is a fault by policy; else the ports are merely absent
};

[[nodiscard]] const std::vector<DangerousPorts>& dangerous_ports();

} // namespace septum::verifier
