// SPDX-License-Identifier: Apache-2.0
// What one partition was found to have.
#pragma once

#include "verifier/facts/facts.hpp"

namespace septum::verifier {

[[nodiscard]] PartitionFacts read_partition(const decode::Manifest& manifest, const manifest::Partition& record,
                                            const decode::HostMemory& memory, const ReadOptions& options);

} // namespace septum::verifier
