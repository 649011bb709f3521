// SPDX-License-Identifier: Apache-2.0
// irq.ioapic-masked: the I/O APIC sends nothing.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

const Property kIrqIoapicMasked{
    .id = "irq.ioapic-masked",
    .title = "the I/O APIC sends nothing",
    .statement =
        "The legacy interrupt controllers are masked before the first guest runs, and no partition reaches their "
        "registers (mem.within-board, io.dangerous).",
    .level = Level::checked_at_boot,
    .rests_on = "the kernel's code, tested in the emulator",
    .manual = "Intel 82093AA datasheet §3.2",
    .mend = "",
    .fixed = Verdict::checked_at_boot,
    .reason = "the kernel masks at boot; its code is tested, not proved",
};

} // namespace septum::verifier
