// SPDX-License-Identifier: Apache-2.0
// One line on the console, put together on the stack and sent whole.
#pragma once

#include <septum/manifest/manifest.hpp>
#include <septum/types.hpp>

namespace septum::kernel {

struct Hex {
    u64 value;
};

class Line { // its functions are called from everywhere and rarely: never inlined
public:
    static constexpr u32 kCapacity = 200; // what is longer is cut

    [[gnu::noinline]] Line& operator<<(const char* text) {
        for (u32 i = 0; text[i] != 0 && i < kCapacity; i++) {
            put(text[i]);
        }
        return *this;
    }
    [[gnu::noinline]] Line& operator<<(u64 value) {
        char digits[20];
        u32 count = 0;
        do {
            digits[count] = static_cast<char>('0' + value % 10);
            count++;
            value /= 10;
        } while (value != 0);
        while (count > 0) {
            count--;
            put(digits[count]);
        }
        return *this;
    }
    [[gnu::noinline]] Line& operator<<(Hex hex) {
        put('0');
        put('x');
        bool started = false;
        for (u32 shift = 64; shift > 0;) {
            shift -= 4;
            const u64 digit = hex.value >> shift & 15;
            started = started || digit != 0 || shift == 0;
            if (started) {
                put(static_cast<char>(digit < 10 ? '0' + digit : 'a' + (digit - 10)));
            }
        }
        return *this;
    }
    // The first eight bytes of a digest: enough to tell two apart.
    [[gnu::noinline]] Line& digest(const manifest::Digest& whole) {
        u64 head = 0;
        for (u32 i = 0; i < 8; i++) {
            head = head << 8 | whole.bytes[i];
        }
        return *this << Hex{head};
    }
    [[gnu::noinline]] Line& put(char c) {
        if (length_ < kCapacity) {
            text_[length_] = c;
            length_++;
        }
        return *this;
    }
    template <typename Function>
    void for_each(Function&& function) const {
        for (u32 i = 0; i < length_; i++) {
            function(text_[i]);
        }
    }
    // Sends the line with its end, through the kernel's ring.
    void send();
    // Sends it past every ring and lock: for the last words.
    void send_now() const;

private:
    char text_[kCapacity];
    u32 length_ = 0;
};

} // namespace septum::kernel
