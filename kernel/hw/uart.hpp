// SPDX-License-Identifier: Apache-2.0
// The physical 16550 on COM1: send only, never waiting longer than a stated number of polls.
#pragma once

#include "kernel/hw/port.hpp"

namespace septum::kernel::hw {

inline constexpr u16 kUartPort = 0x3F8;
inline constexpr u8 kLineStatusThrEmpty = 0x20; // transmit holding register empty

inline bool uart_ready() { return (in8(kUartPort + 5) & kLineStatusThrEmpty) != 0; }
inline void uart_send(char c) { out8(kUartPort, static_cast<u8>(c)); }

// Waits for room for at most 100,000 polls (about 0.1 s on real hardware), then drops the character.
inline void uart_put(char c) {
    for (u32 polls = 0; polls < 100'000; polls++) {
        if (uart_ready()) {
            uart_send(c);
            return;
        }
    }
}

} // namespace septum::kernel::hw
