// SPDX-License-Identifier: Apache-2.0
// The SHA-256 instructions (SDM 2: SHA256RNDS2, SHA256MSG1, SHA256MSG2). They work on vector registers, which the
// kernel otherwise leaves alone: XMM0 to XMM8 are zero afterwards, as after a reset.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::hw {

// Four rounds on the message words in `w`. ABEF is in XMM1, CDGH in XMM2; each SHA256RNDS2 does two rounds, after which
// the old ABEF is the new CDGH, so that the two registers only swap their parts.
#define SEPTUM_SHA_ROUNDS(w, offset)                                                                                   \
    "movdqa " w ", %%xmm0\n\t"                                                                                         \
    "paddd " offset "(%[constants]), %%xmm0\n\t"                                                                       \
    "sha256rnds2 %%xmm1, %%xmm2\n\t"                                                                                   \
    "pshufd $0x0e, %%xmm0, %%xmm0\n\t"                                                                                 \
    "sha256rnds2 %%xmm2, %%xmm1\n\t"

// The next four words of the schedule, out of the last sixteen (`w16` the oldest four, `w4` the newest), into `w16`.
#define SEPTUM_SHA_SCHEDULE(w16, w12, w8, w4)                                                                          \
    "sha256msg1 " w12 ", " w16 "\n\t"                                                                                  \
    "movdqa " w4 ", %%xmm7\n\t"                                                                                        \
    "palignr $4, " w8 ", %%xmm7\n\t"                                                                                   \
    "paddd %%xmm7, " w16 "\n\t"                                                                                        \
    "sha256msg2 " w4 ", " w16 "\n\t"

#define SEPTUM_SHA_LOAD(w, offset)                                                                                     \
    "movdqu " offset "(%[data]), " w "\n\t"                                                                            \
    "pshufb %%xmm8, " w "\n\t"

#define SEPTUM_SHA_SIXTEEN_MORE(o0, o1, o2, o3)                                                                        \
    SEPTUM_SHA_SCHEDULE("%%xmm3", "%%xmm4", "%%xmm5", "%%xmm6")                                                        \
    SEPTUM_SHA_ROUNDS("%%xmm3", o0)                                                                                    \
    SEPTUM_SHA_SCHEDULE("%%xmm4", "%%xmm5", "%%xmm6", "%%xmm3")                                                        \
    SEPTUM_SHA_ROUNDS("%%xmm4", o1)                                                                                    \
    SEPTUM_SHA_SCHEDULE("%%xmm5", "%%xmm6", "%%xmm3", "%%xmm4")                                                        \
    SEPTUM_SHA_ROUNDS("%%xmm5", o2)                                                                                    \
    SEPTUM_SHA_SCHEDULE("%%xmm6", "%%xmm3", "%%xmm4", "%%xmm5")                                                        \
    SEPTUM_SHA_ROUNDS("%%xmm6", o3)

// Takes `count` ≥ 1 blocks of 64 bytes into `state`. `constants` are the 64 of FIPS 180-4 §4.2.2, 16-byte aligned.
inline void sha256_blocks(u32 (&state)[8], const u8* data, u64 count, const u32* constants) {
    alignas(16) static constexpr u8 kBigEndian[16] = {3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12};
    // ABEF and CDGH, highest word first, are words 5, 4, 1, 0 and 7, 6, 3, 2 of the state.
    alignas(16) u32 abef[4] = {state[5], state[4], state[1], state[0]};
    alignas(16) u32 cdgh[4] = {state[7], state[6], state[3], state[2]};
    asm volatile("movdqa %[order], %%xmm8\n\t"
                 "movdqa %[abef], %%xmm1\n\t"
                 "movdqa %[cdgh], %%xmm2\n"
                 "1:\n\t" SEPTUM_SHA_LOAD("%%xmm3", "0") SEPTUM_SHA_ROUNDS("%%xmm3", "0")
                     SEPTUM_SHA_LOAD("%%xmm4", "16") SEPTUM_SHA_ROUNDS("%%xmm4", "16") SEPTUM_SHA_LOAD("%%xmm5", "32")
                         SEPTUM_SHA_ROUNDS("%%xmm5", "32") SEPTUM_SHA_LOAD("%%xmm6", "48")
                             SEPTUM_SHA_ROUNDS("%%xmm6", "48") SEPTUM_SHA_SIXTEEN_MORE("64", "80", "96", "112")
                                 SEPTUM_SHA_SIXTEEN_MORE("128", "144", "160", "176")
                                     SEPTUM_SHA_SIXTEEN_MORE("192", "208", "224", "240") "paddd %[abef], %%xmm1\n\t"
                                                                                         "paddd %[cdgh], %%xmm2\n\t"
                                                                                         "movdqa %%xmm1, %[abef]\n\t"
                                                                                         "movdqa %%xmm2, %[cdgh]\n\t"
                                                                                         "add $64, %[data]\n\t"
                                                                                         "dec %[count]\n\t"
                                                                                         "jnz 1b\n\t"
                                                                                         "pxor %%xmm0, %%xmm0\n\t"
                                                                                         "pxor %%xmm1, %%xmm1\n\t"
                                                                                         "pxor %%xmm2, %%xmm2\n\t"
                                                                                         "pxor %%xmm3, %%xmm3\n\t"
                                                                                         "pxor %%xmm4, %%xmm4\n\t"
                                                                                         "pxor %%xmm5, %%xmm5\n\t"
                                                                                         "pxor %%xmm6, %%xmm6\n\t"
                                                                                         "pxor %%xmm7, %%xmm7\n\t"
                                                                                         "pxor %%xmm8, %%xmm8"
                 : [abef] "+m"(abef), [cdgh] "+m"(cdgh), [data] "+r"(data), [count] "+r"(count)
                 : [constants] "r"(constants), [order] "m"(kBigEndian)
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "memory", "cc");
    state[5] = abef[0];
    state[4] = abef[1];
    state[1] = abef[2];
    state[0] = abef[3];
    state[7] = cdgh[0];
    state[6] = cdgh[1];
    state[3] = cdgh[2];
    state[2] = cdgh[3];
}

#undef SEPTUM_SHA_ROUNDS
#undef SEPTUM_SHA_SCHEDULE
#undef SEPTUM_SHA_LOAD
#undef SEPTUM_SHA_SIXTEEN_MORE

} // namespace septum::kernel::hw
