// SPDX-License-Identifier: Apache-2.0
// A lock whose waiters go in the order they came: nobody waits for more than every other CPU once.
#pragma once

#include "kernel/hw/control.hpp"

namespace septum::kernel::hw {

class TurnLock {
public:
    [[gnu::always_inline]] void lock() {
        const u32 own = __atomic_fetch_add(&next_, 1u, __ATOMIC_RELAXED);
        while (__atomic_load_n(&now_, __ATOMIC_ACQUIRE) != own) {
            pause();
        }
    }
    [[gnu::always_inline]] void unlock() { __atomic_store_n(&now_, now_ + 1, __ATOMIC_RELEASE); } // only its holder writes `now_`

private:
    u32 next_ = 0;
    u32 now_ = 0;
};

// Held from here to the end of the block.
class Turn {
public:
    [[gnu::always_inline]] explicit Turn(TurnLock& lock) : lock_(lock) { lock_.lock(); }
    [[gnu::always_inline]] ~Turn() { lock_.unlock(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    TurnLock& lock_;
};

} // namespace septum::kernel::hw
