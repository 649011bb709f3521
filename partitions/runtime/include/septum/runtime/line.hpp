// SPDX-License-Identifier: Apache-2.0
// One line of text, put together without an allocator. What does not fit is cut off, never overrun.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

// A number to be written as 0x… with at least `digits` hexadecimal digits.
struct Hex {
    u64 value;
    unsigned digits = 1;
};

class Line {
public:
    static constexpr u64 kCapacity = 200; // bytes, the final newline included

    // Appends, in order. Strings must be zero-terminated.
    template <typename... Parts>
    Line& add(const Parts&... parts) {
        (append(parts), ...);
        return *this;
    }

    // Ends the line. Nothing may be added after it.
    Line& end() {
        text_[used_] = '\n';
        ++used_;
        return *this;
    }

    [[nodiscard]] const char* data() const { return text_; }
    [[nodiscard]] u64 size() const { return used_; }

private:
    void append(char c) {
        if (used_ < kCapacity - 1) { // one byte is kept for the newline
            text_[used_] = c;
            ++used_;
        }
    }

    void append(const char* s) {
        for (; *s != '\0'; ++s) {
            append(*s);
        }
    }

    void append(u64 n) {
        char digits[20]; // 2^64 has 20 decimal digits
        unsigned count = 0;
        do {
            digits[count] = static_cast<char>('0' + n % 10);
            ++count;
            n /= 10;
        } while (n != 0);
        while (count > 0) {
            --count;
            append(digits[count]);
        }
    }
    void append(u32 n) { append(u64{n}); }
    void append(int n) {
        if (n < 0) {
            append('-');
        }
        append(n < 0 ? ~static_cast<u64>(n) + 1 : static_cast<u64>(n));
    }

    void append(Hex h) {
        append("0x");
        bool started = false;
        for (unsigned digit = 16; digit > 0; --digit) {
            const u64 nibble = h.value >> (4 * (digit - 1)) & 0xF;
            started = started || nibble != 0 || digit <= h.digits || digit == 1;
            if (started) {
                append(static_cast<char>(nibble < 10 ? '0' + nibble : 'a' + nibble - 10));
            }
        }
    }

    char text_[kCapacity] = {};
    u64 used_ = 0;
};

} // namespace septum::guest
