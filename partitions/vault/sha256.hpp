// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4).
#pragma once

#include <septum/types.hpp>

namespace septum::vault {

inline constexpr u64 kHashSize = 32;  // bytes
inline constexpr u64 kBlockSize = 64; // bytes

class Sha256 {
public:
    void update(const u8* data, u64 size);
    // Ends the message and writes its digest. The object is spent.
    void finish(u8 (&digest)[kHashSize]);

private:
    void block(const u8* data);

    u32 state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    u8 pending_[kBlockSize] = {};
    u64 size_ = 0; // of the message so far, bytes
};

} // namespace septum::vault
