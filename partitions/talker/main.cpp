// SPDX-License-Identifier: Apache-2.0
// Says more at once than a slow serial line takes, and then nothing for ever: nothing in it exits any more.
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/partition.hpp>

void septum::guest::partition_main(const Launch&) {
    for (u32 i = 1; i <= 100; ++i) { // 7,000 bytes: less than the kernel's ring holds
        say("line ", i, " of 100, as long as lines are that a driver or a service writes");
    }
    for (;;) {
        cpu::sleep();
    }
}
