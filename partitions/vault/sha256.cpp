// SPDX-License-Identifier: Apache-2.0
#include "partitions/vault/sha256.hpp"

namespace septum::vault {
namespace {

// FIPS 180-4 §4.2.2.
constexpr u32 kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr u32 rotate(u32 x, unsigned by) {
    return x >> by | x << (32 - by);
}

} // namespace

// FIPS 180-4 §6.2.2.
void Sha256::block(const u8* data) {
    u32 w[64];
    for (u64 t = 0; t < 16; ++t) {
        w[t] = u32{data[4 * t]} << 24 | u32{data[4 * t + 1]} << 16 | u32{data[4 * t + 2]} << 8 | u32{data[4 * t + 3]};
    }
    for (unsigned t = 16; t < 64; ++t) {
        const u32 s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        const u32 s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    u32 a = state_[0], b = state_[1], c = state_[2], d = state_[3];
    u32 e = state_[4], f = state_[5], g = state_[6], h = state_[7];
    for (unsigned t = 0; t < 64; ++t) {
        const u32 t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + kRound[t] + w[t];
        const u32 t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const u32 sum[8] = {a, b, c, d, e, f, g, h};
    for (unsigned i = 0; i < 8; ++i) {
        state_[i] += sum[i];
    }
}

void Sha256::update(const u8* data, u64 size) {
    for (u64 i = 0; i < size; ++i) {
        pending_[size_ % kBlockSize] = data[i];
        ++size_;
        if (size_ % kBlockSize == 0) {
            block(pending_);
        }
    }
}

// FIPS 180-4 §5.1.1: a one bit, zeros, the message's length in bits.
void Sha256::finish(u8 (&digest)[kHashSize]) {
    const u64 bits = size_ * 8;
    const u8 one = 0x80;
    const u8 zero = 0;
    update(&one, 1);
    while (size_ % kBlockSize != kBlockSize - 8) {
        update(&zero, 1);
    }
    for (unsigned i = 0; i < 8; ++i) {
        const u8 byte = static_cast<u8>(bits >> (56 - 8 * i));
        update(&byte, 1);
    }
    for (unsigned i = 0; i < kHashSize; ++i) {
        digest[i] = static_cast<u8>(state_[i / 4] >> (24 - 8 * (i % 4)));
    }
}

} // namespace septum::vault
