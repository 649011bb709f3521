// SPDX-License-Identifier: Apache-2.0
// Exceptions before launch: none is expected, each is a refusal that names what was being done.
#pragma once

namespace septum::kernel::boot {

// Fills the table, once, on the boot CPU; then each CPU loads it.
void make_exception_table();
void load_exception_table();

} // namespace septum::kernel::boot
