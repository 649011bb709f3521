// SPDX-License-Identifier: Apache-2.0
#include "partitions/witness/memory.hpp"

namespace septum::witness {
namespace {

constexpr u64 kBegin = 4 * kMiB;
constexpr u64 kPiece = 64 * kKiB;
constexpr u64 kFnvOffset = 0xCBF2'9CE4'8422'2325;
constexpr u64 kFnvPrime = 0x100'0000'01B3;

// Every word differs from its neighbours and from the same word of another page.
u64 pattern(u64 address) {
    u64 x = address + 0x9E37'79B9'7F4A'7C15;
    x = (x ^ x >> 30) * 0xBF58'476D'1CE4'E5B9;
    return x ^ x >> 27;
}

volatile u64& word(u64 address) {
    return *reinterpret_cast<volatile u64*>(address);
}

} // namespace

Memory::Memory(u64 ram_size) : end_(ram_size - kMiB), at_(kBegin), running_(kFnvOffset) {
    for (u64 address = kBegin; address < end_; address += 8) {
        word(address) = pattern(address);
    }
}

bool Memory::look() {
    const u64 stop = at_ + kPiece < end_ ? at_ + kPiece : end_;
    for (; at_ < stop; at_ += 8) {
        const u64 value = word(at_);
        running_ = (running_ ^ value) * kFnvPrime;
        if (value != pattern(at_)) {
            changed_ = at_;
            return false;
        }
    }
    if (at_ >= end_) {
        hash_ = running_;
        first_hash_ = rounds_ == 0 ? hash_ : first_hash_;
        running_ = kFnvOffset;
        at_ = kBegin;
        ++rounds_;
    }
    return true;
}

} // namespace septum::witness
