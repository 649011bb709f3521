// SPDX-License-Identifier: Apache-2.0
// irq.lvt: the local vector table is written only by the kernel.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/interrupts.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"

namespace septum::verifier {

namespace {

constexpr std::uint32_t kLvtFirst = 0x832;
constexpr std::uint32_t kLvtLast = 0x837;

void lvt(const Context& context, Judge& judge) {
    apic_writes_exit(context, judge, kLvtFirst, kLvtLast, "irq.lvt");
}

} // namespace

const Property kIrqLvt{
    .id = "irq.lvt",
    .title = "the local vector table is written only by the kernel",
    .statement =
        "No partition writes an entry of the local vector table without an exit, so none can ask for SMI, ExtINT or "
        "INIT delivery. That the kernel lets only fixed, NMI and masked entries pass is level `handler`: tested, not "
        "proved.",
    .level = Level::bytes,
    .rests_on = "the MSR permission maps in the image, as decoded",
    .manual = "AMD APM volume 2 §16.4",
    .mend = kImageAltered,
    .bytes = lvt,
};

} // namespace septum::verifier
