// SPDX-License-Identifier: Apache-2.0
// mem.scrubbed: memory is zero before launch and before every restart.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

const Property kMemScrubbed{
    .id = "mem.scrubbed",
    .title = "memory is zero before launch and before every restart",
    .statement =
        "The kernel fills a partition's RAM with zeros before it copies the initial memory, at the first launch and "
        "at every restart, and hashes what it copied.",
    .level = Level::checked_at_boot,
    .rests_on = "the kernel's code, tested in the emulator",
    .manual = "septum/manifest/manifest.hpp: Payload",
    .mend = "",
    .fixed = Verdict::checked_at_boot,
    .reason = "the kernel scrubs and hashes at launch; its code is tested, not proved",
};

} // namespace septum::verifier
