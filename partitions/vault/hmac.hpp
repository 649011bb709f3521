// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104, RFC 4231).
#pragma once

#include "partitions/vault/sha256.hpp"

namespace septum::vault {

void hmac_sha256(const u8* key, u64 key_size, const u8* data, u64 size, u8 (&mac)[kHashSize]);

} // namespace septum::vault
