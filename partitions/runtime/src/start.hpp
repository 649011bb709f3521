// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace septum::guest {

// Loads the runtime's own descriptor tables. Once, before anything can fault.
void set_up_interrupts();

} // namespace septum::guest
