// SPDX-License-Identifier: Apache-2.0
// As much of a driver for an NVMe controller (NVM Express 1.4) as lets it write memory and raise an interrupt: the
// admin queues and the command Identify.
#pragma once

#include <septum/types.hpp>

namespace septum::attacker {

class Nvme {
public:
    static constexpr u64 kSeconds = 10; // what does not come within these does not come

    // Turns on decoding and bus mastering, and the controller with its admin queues. False: it does not come up.
    bool start();

    // Identify, 4 KiB to `address`. False: no completion. With what status it completed is not looked at.
    bool identify(u64 address);

private:
    u64 registers_ = 0;
    u32 next_ = 0;
};

// Waits that long.
void wait_microseconds(u64 microseconds);

} // namespace septum::attacker
