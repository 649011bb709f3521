// SPDX-License-Identifier: Apache-2.0
#include "partitions/vault/hmac.hpp"

namespace septum::vault {

void hmac_sha256(const u8* key, u64 key_size, const u8* data, u64 size, u8 (&mac)[kHashSize]) {
    u8 padded[kBlockSize] = {};
    if (key_size > kBlockSize) { // RFC 2104 §2: a longer key is hashed first
        u8 hashed[kHashSize];
        Sha256 h;
        h.update(key, key_size);
        h.finish(hashed);
        for (u64 i = 0; i < kHashSize; ++i) {
            padded[i] = hashed[i];
        }
    } else {
        for (u64 i = 0; i < key_size; ++i) {
            padded[i] = key[i];
        }
    }
    u8 inner_pad[kBlockSize];
    u8 outer_pad[kBlockSize];
    for (u64 i = 0; i < kBlockSize; ++i) {
        inner_pad[i] = padded[i] ^ 0x36;
        outer_pad[i] = padded[i] ^ 0x5C;
    }
    u8 inner[kHashSize];
    Sha256 first;
    first.update(inner_pad, kBlockSize);
    first.update(data, size);
    first.finish(inner);
    Sha256 second;
    second.update(outer_pad, kBlockSize);
    second.update(inner, kHashSize);
    second.finish(mac);
}

} // namespace septum::vault
