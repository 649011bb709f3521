// SPDX-License-Identifier: Apache-2.0
// One line of text in a fixed buffer. What does not fit is left out; nothing is ever written past the end.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::boot {

template <u64 Size>
class Line {
public:
    explicit Line(char (&buffer)[Size]) : buffer_(buffer) { buffer_[0] = 0; }

    Line& put(char c) {
        if (length_ + 1 < Size) {
            buffer_[length_++] = c;
            buffer_[length_] = 0;
        }
        return *this;
    }
    // At most `limit` characters; anything that is not printable ASCII becomes a question mark, so that words out of
    // an unproved manifest cannot forge a line.
    Line& put(const char* words, u64 limit = 64) {
        for (u64 i = 0; i < limit && words[i] != 0; i++) {
            put(words[i] >= 0x20 && words[i] < 0x7F ? words[i] : '?');
        }
        return *this;
    }
    Line& hex(u64 number, u32 digits) { // at least `digits` of them
        bool started = false;
        for (u32 place = 16; place-- > 0;) {
            const u32 digit = static_cast<u32>(number >> 4 * place) & 0xF;
            started = started || digit != 0 || place < digits;
            if (started) {
                put("0123456789abcdef"[digit]);
            }
        }
        return *this;
    }
    Line& decimal(u64 number) {
        char digits[20];
        u32 count = 0;
        do {
            digits[count++] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number != 0);
        while (count != 0) {
            put(digits[--count]);
        }
        return *this;
    }
    [[nodiscard]] u64 length() const { return length_; }

private:
    char (&buffer_)[Size];
    u64 length_ = 0;
};

} // namespace septum::kernel::boot
