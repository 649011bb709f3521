// SPDX-License-Identifier: Apache-2.0
#include "kernel/lifecycle/sha256.hpp"

#include "kernel/hw/cpuid.hpp"
#include "kernel/hw/sha.hpp"

namespace septum::kernel {

namespace {

// FIPS 180-4 §4.2.2
alignas(16) constexpr u32 kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

inline u32 rotate(u32 value, u32 by) {
    return value >> by | value << (32 - by);
}

inline u32 big_endian(const u8* from) {
    u32 value;
    __builtin_memcpy(&value, from, sizeof value);
    return __builtin_bswap32(value);
}

struct Working {
    u32 a, b, c, d, e, f, g, h;

    // One round (§6.2.2 step 3). The names move on by one per round: the caller passes them rotated, so that nothing
    // is copied.
    [[gnu::always_inline]] static void round(u32 a, u32 b, u32 c, u32& d, u32 e, u32 f, u32 g, u32& h, u32 term) {
        const u32 sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        const u32 choice = g ^ (e & (f ^ g));
        const u32 t1 = h + sum1 + choice + term;
        const u32 sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        const u32 majority = (a & b) | (c & (a | b));
        d += t1;
        h = t1 + sum0 + majority;
    }

    [[gnu::always_inline]] void eight(const u32* term) {
        round(a, b, c, d, e, f, g, h, term[0]);
        round(h, a, b, c, d, e, f, g, term[1]);
        round(g, h, a, b, c, d, e, f, term[2]);
        round(f, g, h, a, b, c, d, e, term[3]);
        round(e, f, g, h, a, b, c, d, term[4]);
        round(d, e, f, g, h, a, b, c, term[5]);
        round(c, d, e, f, g, h, a, b, term[6]);
        round(b, c, d, e, f, g, h, a, term[7]);
    }
};

void compress_block(u32 (&state)[8], const u8* block) {
    u32 term[64]; // what each round adds: message schedule plus constant
    u32 schedule[64];
    for (u64 i = 0; i < 16; i++) {
        schedule[i] = big_endian(block + 4 * i);
        term[i] = schedule[i] + kRound[i];
    }
#pragma clang loop unroll_count(4)
    for (u32 i = 16; i < 64; i++) {
        const u32 x = schedule[i - 15];
        const u32 y = schedule[i - 2];
        schedule[i] = schedule[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + schedule[i - 7] +
                      (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
        term[i] = schedule[i] + kRound[i];
    }
    Working v{state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]};
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < 64; i += 8) {
        v.eight(term + i);
    }
    state[0] += v.a;
    state[1] += v.b;
    state[2] += v.c;
    state[3] += v.d;
    state[4] += v.e;
    state[5] += v.f;
    state[6] += v.g;
    state[7] += v.h;
}

} // namespace

bool Sha256::has_instructions() {
    constexpr u32 kSsse3 = 1u << 9; // CPUID 1 ECX
    constexpr u32 kSse41 = 1u << 19;
    constexpr u32 kSha = 1u << 29; // CPUID 7 EBX
    constexpr u32 kVector = kSsse3 | kSse41;
    return hw::cpuid(0).registers[0] >= 7 && (hw::cpuid(7).registers[1] & kSha) != 0 &&
           (hw::cpuid(1).registers[2] & kVector) == kVector;
}

Sha256::Sha256() : with_instructions_(has_instructions()) {}

// One copy of it: its instructions are many, which the optimiser does not see.
[[gnu::noinline]] void Sha256::compress(const u8* blocks, u64 count) {
    if (count == 0) {
        return;
    }
    if (with_instructions_) {
        hw::sha256_blocks(state_, blocks, count, kRound);
        return;
    }
    for (; count != 0; count--, blocks += 64) {
        compress_block(state_, blocks);
    }
}

[[gnu::noinline]] void Sha256::update(const void* data, u64 bytes) {
    const u8* from = static_cast<const u8*>(data);
    u64 held = length_ % 64;
    length_ += bytes;
    if (held != 0) {
        while (held < 64 && bytes != 0) {
            pending_[held++] = *from++;
            bytes--;
        }
        if (held < 64) {
            return;
        }
        compress(pending_, 1);
    }
    compress(from, bytes / 64);
    from += bytes / 64 * 64;
    bytes %= 64;
    for (u64 i = 0; i < bytes; i++) {
        pending_[i] = from[i];
    }
}

manifest::Digest Sha256::finish() {
    // Padding (§5.1.1): a one bit, zeros, and the length in bits as a big-endian 64-bit number.
    u64 held = length_ % 64;
    const u64 bits = __builtin_bswap64(length_ * 8);
    pending_[held++] = 0x80;
    if (held > 56) {
        __builtin_memset(pending_ + held, 0, 64 - held);
        compress(pending_, 1);
        held = 0;
    }
    __builtin_memset(pending_ + held, 0, 56 - held);
    __builtin_memcpy(pending_ + 56, &bits, sizeof bits);
    compress(pending_, 1);

    manifest::Digest digest{};
    for (u64 i = 0; i < 8; i++) {
        const u32 word = __builtin_bswap32(state_[i]);
        __builtin_memcpy(digest.bytes + 4 * i, &word, sizeof word);
    }
    return digest;
}

} // namespace septum::kernel
