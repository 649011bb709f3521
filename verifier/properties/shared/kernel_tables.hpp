// SPDX-License-Identifier: Apache-2.0
// The kernel's own page tables.
#pragma once

#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

using manifest::kExecute;
using manifest::kWrite;

// The pages below each stack, of every CpuBlock the manifest places.
[[nodiscard]] Pieces kernel_guards(const Facts& facts);

inline constexpr const char* kKernelTablesRest =
    "the kernel's page tables in the image, as decoded; CR0.WP and EFER.NXE, which the kernel "
    "sets and checks at boot";
inline constexpr const char* kKernelTablesMend =
    "build the image anew; if it stays, the kernel's segments or the planner's layout changed";

} // namespace septum::verifier
