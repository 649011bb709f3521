// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace septum::cli {

inline constexpr const char* kVersion = SEPTUM_VERSION; // of the project, as CMake states it

} // namespace septum::cli
