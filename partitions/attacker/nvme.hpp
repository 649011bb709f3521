// SPDX-License-Identifier: Apache-2.0
// As much of a driver for an NVMe controller (NVM Express 1.4) as lets it write memory and raise an interrupt: the
// admin queues and the command Identify.
#pragma once

#include <septum/types.hpp>

namespace septum::attacker {

class Nvme {
public:
    // Turns on decoding and bus mastering, and the controller with its admin queues. False: it does not come up within
    // a second.
    bool start();

    // Identify, 4 KiB to `address`. False: no completion within a second. With what status it completed is not looked
    // at.
    bool identify(u64 address);

private:
    u64 registers_ = 0;
    u32 next_ = 0;
};

// Waits that long.
void wait_microseconds(u64 microseconds);

} // namespace septum::attacker
