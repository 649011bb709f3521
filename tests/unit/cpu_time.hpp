// SPDX-License-Identifier: Apache-2.0
// For tests that hold work to a bound. Processor time, for what others do on the machine meanwhile is not the work's.
#pragma once

#include <ctime>

namespace septum {

// Seconds of processor time that this process has used.
inline double cpu_seconds() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

} // namespace septum
