// SPDX-License-Identifier: Apache-2.0
// The messages that the demo sends, the same on the build machine and in the gateway.
#pragma once

#include "partitions/vault/protocol.hpp"

#include <septum/types.hpp>

namespace septum::gateway {

inline constexpr u32 kMessageCount = 200;

// Writes message `index` (0 … kMessageCount − 1) into `buffer` and returns its length, 1 … vault::kMaxRequest bytes.
// The lengths go round all residues of SHA-256's block; the longest and the shortest allowed occur.
constexpr u64 make_message(u32 index, u8 (&buffer)[vault::kMaxRequest]) {
    const u64 length = index == 0 ? vault::kMaxRequest : 1 + (u64{index} - 1) * 331 % vault::kMaxRequest;
    u32 state = 0x9E37'79B9U * (index + 1);
    for (u64 i = 0; i < length; ++i) {
        state = state * 1'664'525U + 1'013'904'223U; // a linear congruence: anything not constant will do
        buffer[i] = static_cast<u8>(state >> 24);
    }
    return length;
}

} // namespace septum::gateway
