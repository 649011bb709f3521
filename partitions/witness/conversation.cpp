// SPDX-License-Identifier: Apache-2.0
#include "partitions/witness/conversation.hpp"

#include <septum/runtime/doorbell.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::witness {
namespace {

constexpr u64 kWords = 16;

struct Message {
    u64 words[kWords];
};

Message message(u64 number) {
    Message text;
    u64 x = number;
    for (u64& word : text.words) {
        x = x * 0x5851'F42D'4C95'7F2D + 0x1405'7B7E'F767'814F;
        word = x;
    }
    text.words[0] = number;
    return text;
}

} // namespace

Conversation::Conversation(const guest::InfoChannel& in, const guest::InfoChannel& out)
    : receiver_(guest::memory_of(in), in.size, guest::memory_of(out)),
      sender_(guest::memory_of(out), out.size, guest::memory_of(in)), bell_(out.index) {}

void Conversation::send(u32 count) {
    u32 done = 0;
    for (; done < count; ++done) {
        const Message next = message(sent_ + 1);
        if (sender_.send(&next, sizeof(next)) == 0) {
            break; // the other has not read the older ones yet
        }
        ++sent_;
    }
    if (done != 0) {
        (void)guest::ring(bell_);
    }
}

const char* Conversation::receive() {
    alignas(8) u8 buffer[sizeof(Message)];
    for (;;) {
        const guest::Received next = receiver_.receive(buffer, sizeof(buffer));
        switch (next.status) {
        case guest::Received::Status::nothing: return nullptr;
        case guest::Received::Status::lost: return "messages were lost";
        case guest::Received::Status::damaged: return "a message was damaged";
        case guest::Received::Status::message: break;
        }
        ++received_;
        const Message expected = message(received_);
        const auto* found = reinterpret_cast<const u64*>(buffer);
        bool same = next.length == sizeof(Message) && next.number == received_;
        for (u64 i = 0; i < kWords; ++i) {
            same = same && found[i] == expected.words[i];
        }
        if (!same) {
            return "a message was altered, doubled or out of order";
        }
    }
}

} // namespace septum::witness
