// SPDX-License-Identifier: Apache-2.0
// I/O and MSR permission maps: a set bit intercepts. Both start with every bit set; grants clear bits.
#pragma once

#include "build/tables/bytes.hpp"
#include "config/model.hpp"

namespace septum::build {

inline constexpr std::size_t kIopmSize = std::size_t{3} * 4096;  // APM 2 §15.10.1
inline constexpr std::size_t kMsrpmSize = std::size_t{2} * 4096; // §15.11

// `out` is kIopmSize bytes. Clears the bits of the ports that the partition was granted.
void write_iopm(const config::Partition& partition, ByteSpan out);

// `out` is kMsrpmSize bytes. Clears the bits of the MSRs every partition has for itself: those the processor keeps per
// guest in the VMCB, the time stamp counter, and on a machine driven in x2APIC mode the harmless part of the APIC.
void write_msrpm(config::Apic apic, ByteSpan out);

} // namespace septum::build
