// SPDX-License-Identifier: Apache-2.0
// irq.ipi: interrupts between processors leave the guest.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/interrupts.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"

namespace septum::verifier {

namespace {

constexpr std::uint32_t kIcr = 0x830; // x2APIC (APM 2 §16.11)

void ipi(const Context& context, Judge& judge) {
    apic_writes_exit(context, judge, kIcr, kIcr, "irq.ipi");
}

} // namespace

const Property kIrqIpi{
    .id = "irq.ipi",
    .title = "interrupts between processors leave the guest",
    .statement = "No partition writes the interrupt command register without an exit, and none reaches the APIC's "
                 "page (mem.kernel-private). That the kernel sends on only to the partition's own CPUs is level "
                 "`handler`: tested, not proved.",
    .level = Level::bytes,
    .rests_on = "the MSR permission maps in the image, as decoded",
    .manual = "AMD APM volume 2 §15.11, §16.5, §16.13",
    .mend = kImageAltered,
    .bytes = ipi,
};

} // namespace septum::verifier
