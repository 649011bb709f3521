// SPDX-License-Identifier: Apache-2.0
// Doorbells: telling the reader of a channel to look, and waiting until told.
#pragma once

#include <septum/guest/info.hpp>
#include <septum/types.hpp>

namespace septum::guest {

// Rings channel `index` (InfoChannel::index). False when this partition may not, or the channel has no bell.
bool ring(u32 index);

// The bell of a channel that this partition reads.
class Doorbell {
public:
    explicit Doorbell(const InfoChannel& channel);

    // Sleeps until some interrupt was taken: the bell's, or a timer's that is running. Rings that came since the caller
    // last looked at the channel count: call with interrupts off, as partition_main begins, look, then wait.
    // A channel whose bell raises no interrupt is not slept on: the wait is then a short pause.
    void wait() const;

private:
    bool interrupts_;
};

} // namespace septum::guest
