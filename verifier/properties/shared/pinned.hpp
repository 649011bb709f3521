// SPDX-License-Identifier: Apache-2.0
// Memory of the file that is pinned to a place of the board.
#pragma once

#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

// Every pinned range: [base, base + size), the name in ticks, the name for the fingerprint, the place.
template <typename Visit>
void for_each_pinned(const config::Model& model, Visit&& visit) {
    for (const config::Partition& partition : model.partitions) {
        if (partition.base) {
            visit(*partition.base, partition.memory.value, partition.name.value, true);
        }
    }
    for (const config::Channel& channel : model.channels) {
        if (channel.base) {
            visit(*channel.base, channel.size.value, channel.name.value, false);
        }
    }
}

// What a finding about such a place begins with: whom it concerns, its key, and the line.
[[nodiscard]] Said pin_text(const std::string& name, bool is_partition, const config::Span& span);

} // namespace septum::verifier
