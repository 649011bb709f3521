// SPDX-License-Identifier: Apache-2.0
// Code at random: bytes of a seeded sequence, among them whole instructions that matter to a kernel beneath.
#pragma once

#include <septum/types.hpp>

namespace septum::stray {

// xorshift64* (Vigna, 2014): the same seed, the same sequence.
class Random {
public:
    explicit constexpr Random(u64 seed) : state_(seed == 0 ? 1 : seed) {}
    u64 next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545'F491'4F6C'DD1D;
    }
    u32 below(u32 limit) { return static_cast<u32>((next() >> 32) * limit >> 32); }

private:
    u64 state_;
};

inline constexpr u32 kSnippet = 32; // bytes, the last of which are INT3

// Fills `code`, kSnippet bytes.
void make_snippet(Random& random, u8* code);

// A value that is likely to reach something: an MSR's or a port's number, a leaf, a hypercall, an address.
u64 interesting(Random& random);

} // namespace septum::stray
