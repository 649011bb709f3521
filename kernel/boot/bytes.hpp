// SPDX-License-Identifier: Apache-2.0
// Bytes that somebody else wrote, read with bounds.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::boot {

struct Bytes {
    const u8* data = nullptr;
    u64 size = 0;

    [[nodiscard]] constexpr bool holds(u64 offset, u64 bytes) const { return offset <= size && bytes <= size - offset; }

    [[nodiscard]] constexpr Bytes part(u64 offset, u64 bytes) const {
        return holds(offset, bytes) ? Bytes{data + offset, bytes} : Bytes{};
    }

    // A T at any alignment; zeros when it does not lie inside.
    template <typename T>
    [[nodiscard]] T load(u64 offset) const {
        T value{};
        if (holds(offset, sizeof(T))) {
            __builtin_memcpy(&value, data + offset, sizeof(T));
        }
        return value;
    }
};

// Consecutive records of one kind.
template <typename T>
struct Records {
    const T* first = nullptr;
    u64 count = 0;

    [[nodiscard]] const T* begin() const { return first; }
    [[nodiscard]] const T* end() const { return first + count; }
    const T& operator[](u64 index) const { return first[index]; }
};

// [a, a + a_size) and [b, b + b_size) share a byte; neither wraps.
constexpr bool overlap(u64 a, u64 a_size, u64 b, u64 b_size) {
    return a_size != 0 && b_size != 0 && a < b + b_size && b < a + a_size;
}

} // namespace septum::kernel::boot
