// SPDX-License-Identifier: Apache-2.0
// What the command's exit code says. Scripts rely on it; docs/json.md and `septum --help` list it.
#pragma once

namespace septum::cli {

inline constexpr int kDone = 0;         // clean, or proved
inline constexpr int kFailed = 1;       // could not do its work: a file, a tool, the machine
inline constexpr int kFindings = 2;     // the input has errors, or a property is violated
inline constexpr int kInconclusive = 3; // neither proved nor violated
inline constexpr int kUsage = 64;       // the command line itself is wrong
inline constexpr int kInterrupted = 130;

} // namespace septum::cli
