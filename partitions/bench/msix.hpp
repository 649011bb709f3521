// SPDX-License-Identifier: Apache-2.0
// The MSI-X table of the partition's first PCI function, if it has one.
#pragma once

#include <septum/types.hpp>

namespace septum::bench {

struct MsixTable {
    u64 address = 0; // of entry 0, guest-physical and, here, linear; 0: there is none
};

// Looks at 00:01.0 and lets it decode its memory; the data port then reads its command register.
MsixTable find_msix();

} // namespace septum::bench
