// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/refuse.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/port.hpp"
#include "kernel/hw/uart.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u16 kPostPort = 0x80; // the PC's diagnostic code

bool refused = false;
const char* current = "the loader";

} // namespace

void refuse(const Refusal& refusal) {
    if (!__atomic_exchange_n(&refused, true, __ATOMIC_ACQ_REL)) {
        char line[kLineSize];
        format(refusal, line);
        say(line);
        hw::out8(kPostPort, static_cast<u8>(refusal.code));
    }
    hw::halt_forever();
}

void stop_if_refused() {
    if (__atomic_load_n(&refused, __ATOMIC_ACQUIRE)) {
        hw::halt_forever();
    }
}

void say(const char* line) {
    for (; *line != 0; line++) {
        if (*line == '\n') {
            hw::uart_put('\r');
        }
        hw::uart_put(*line);
    }
}

void now_doing(const char* what) {
    current = what;
}
const char* doing() {
    return current;
}

} // namespace septum::kernel::boot
