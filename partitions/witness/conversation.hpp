// SPDX-License-Identifier: Apache-2.0
// Two witnesses tell each other numbered messages. Every message is known beforehand: its text follows from its number,
// so a message that is lost, doubled, out of order or altered is seen.
#pragma once

#include <septum/guest/info.hpp>
#include <septum/runtime/channel.hpp>
#include <septum/types.hpp>

namespace septum::witness {

class Conversation {
public:
    Conversation(const guest::InfoChannel& in, const guest::InfoChannel& out);

    // Sends up to `count` messages, as there is room, and rings.
    void send(u32 count);

    // Takes all that have come. Null: all in order; else what was wrong.
    const char* receive();

    [[nodiscard]] u64 sent() const { return sent_; }
    [[nodiscard]] u64 received() const { return received_; }

private:
    guest::Receiver receiver_;
    guest::Sender sender_;
    u32 bell_;
    u64 sent_ = 0;
    u64 received_ = 0;
};

} // namespace septum::witness
