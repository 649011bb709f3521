// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/console.hpp>

#include <septum/guest/board.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::guest {
namespace {

constexpr u16 kLineStatus = kUartPort + 5;
constexpr u8 kHoldingEmpty = 1 << 5;     // a byte may be written
constexpr u8 kTransmitterEmpty = 1 << 6; // all bytes have left

// A serial line at 115,200 baud passes a byte in 87 µs, a full line in 17 ms; no wait here is longer than about that.
constexpr unsigned kPollsPerByte = 4096;

// The kernel's 16550 always says that it is empty, since what it takes it keeps in a buffer. Each look passes some of
// that on, so a few looks more than needed empty it.
constexpr unsigned kLooksPerLine = 32;

bool wait_for(u8 bits, unsigned polls) {
    for (unsigned i = 0; i < polls; ++i) {
        if ((cpu::in8(kLineStatus) & bits) == bits) {
            return true;
        }
        cpu::pause();
    }
    return false;
}

} // namespace

void console_write(const char* bytes, u64 size) {
    for (u64 i = 0; i < size; ++i) {
        if (!wait_for(kHoldingEmpty, kPollsPerByte)) {
            return; // nobody takes it: the rest of the line is lost
        }
        cpu::out8(kUartPort, static_cast<u8>(bytes[i]));
    }
}

void console_drain() {
    for (unsigned look = 0; look < kLooksPerLine; ++look) {
        (void)wait_for(kTransmitterEmpty, kPollsPerByte);
    }
}

} // namespace septum::guest
