// SPDX-License-Identifier: Apache-2.0
// What the boot part leaves behind: resident data, because the boot part is gone after launch.
#include "kernel/resident.hpp"

namespace septum::kernel {

BootFacts boot_facts;

} // namespace septum::kernel
