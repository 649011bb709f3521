// SPDX-License-Identifier: Apache-2.0
// A second, dumb reading of a bundle: page by page, port by port, register by register, as a processor and the kernel
// would act on it. It shares nothing with the verifier, and decides whether a mutant really grants something else.
#pragma once

#include "tests/mutation/world.hpp"

#include <compare>

namespace septum::mutation {

enum class Kind : std::uint16_t {
    memory,   // who: partition × 2 + template; key: guest page; value: host page | rights | type
    ports,    // key: port; value: 1 reaches the device
    msr_read, // key: MSR
    msr_write,
    intercept,     // key: bit
    control,       // key: offset in the VMCB; value: what VMRUN would act on
    kernel_memory, // key: virtual page; value: host page | rights | type
    dma,       // who 0: key requester id, value what decides; who 1 + requester: key DMA page, value host page | rights
    interrupt, // key: entry of the remapping table, or requester above the index; value: what it says
    port_answer, // key: port; value: answer
    msr_answer,  // key: MSR rule's first; value: last, answers, value where it is a right
    cpuid,       // key: leaf and register; value: dangerous bits that may show
    conduct,     // fault policy, limits, console
    cpu,         // key: APIC id; value: owner and number
    channel,     // writer, reader, bell, vector
    load,        // key: guest page of initial memory; value: host page
    scrub,       // key: guest page; value: host page of the manifest's RAM regions
    contract,    // what the kernel checks on the machine
    pci,         // devices, BARs, bridges; what configuration rules let through
    place,       // where the kernel puts its own things
};

struct Grant {
    Kind kind;
    std::uint32_t who;
    std::uint64_t key;
    std::uint64_t value;
    friend auto operator<=>(const Grant&, const Grant&) = default;
};
using Grants = std::vector<Grant>; // sorted

[[nodiscard]] Grants interpret(const Bytes& bundle);

} // namespace septum::mutation
