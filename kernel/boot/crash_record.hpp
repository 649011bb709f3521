// SPDX-License-Identifier: Apache-2.0
// What the last run left behind (kernel/lifecycle/crash_record.hpp), said before this one begins.
#pragma once

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::boot {

// Says the record of a run of the same bundle in a few lines, and clears the page. Says nothing when there is none, or
// when its checksum is wrong: memory does not survive every reset.
void say_crash_record(const manifest::Header& header);

} // namespace septum::kernel::boot
