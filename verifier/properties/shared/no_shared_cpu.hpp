// SPDX-License-Identifier: Apache-2.0
// Why what is claimed of shared CPUs has no meaning: each belongs to one partition.
#pragma once

namespace septum::verifier {

inline constexpr const char* kNoSharedCpu = "no CPU is shared";

} // namespace septum::verifier
