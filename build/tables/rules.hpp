// SPDX-License-Identifier: Apache-2.0
// What the kernel answers for a partition: ports, MSRs, CPUID.
#pragma once

#include "build/plan/plan.hpp"
#include "config/model.hpp"

#include <septum/manifest/manifest.hpp>

#include <vector>

namespace septum::build {

// Sorted, disjoint; ports that the partition was granted are left out, as they never exit.
[[nodiscard]] std::vector<manifest::PortRule> port_rules(const config::Partition& partition);

// Sorted, disjoint. The same for every partition: what differs is kept by the kernel.
[[nodiscard]] std::vector<manifest::MsrRule> msr_rules();

// Sorted by (leaf, subleaf). An allow-list: a bit that is not named here is zero.
[[nodiscard]] std::vector<manifest::CpuidRule> cpuid_rules(const Plan& plan, std::size_t partition, config::Apic apic);

} // namespace septum::build
