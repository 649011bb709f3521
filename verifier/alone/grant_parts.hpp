// SPDX-License-Identifier: Apache-2.0
// What read_grants puts together beside memory, ports, MSRs and the IOMMU's tables.
#pragma once

#include "verifier/facts/facts.hpp"
#include "verifier/grants.hpp"

namespace septum::verifier {

inline constexpr const char* kEventLogPlace = "the event log";

[[nodiscard]] OwnedDevice owned_device(const manifest::Device& device, const decode::Manifest& manifest);

// How the kernel answers what exits, what does not exit, and what follows the end of a life. `out` has the partitions.
void add_answers(const Facts& facts, Grants& out);

// Interrupts that nobody's device sends, bridges, the contract, and what lies where.
void add_board(const Facts& facts, Grants& out);

} // namespace septum::verifier
