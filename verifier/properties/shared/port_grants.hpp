// SPDX-License-Identifier: Apache-2.0
// Ports that partitions are given, and those that the kernel answers.
#pragma once

#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

inline constexpr std::uint64_t kPorts = 0x1'0000;

// Ports that the file gives to a partition, inclusive.
struct GrantedPorts {
    std::uint16_t first;
    std::uint16_t last;
    config::Span span;
};

[[nodiscard]] std::vector<GrantedPorts> granted_ports(const config::Partition& partition);

// Ports [first, last] at which a partition finds what the kernel plays for it.
struct VirtualPorts {
    std::uint16_t first;
    std::uint16_t last;
    manifest::PortAnswer answer;
    const char* what;
};

[[nodiscard]] std::vector<VirtualPorts> virtual_ports(const config::Partition& partition);

} // namespace septum::verifier
