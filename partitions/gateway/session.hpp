// SPDX-License-Identifier: Apache-2.0
// The gateway's work, for the native partition and the Linux program alike: what differs (the console, the bell, how
// to wait) is its Platform.
#pragma once

#include "partitions/gateway/messages.hpp"
#include "partitions/vault/protocol.hpp"

#include <septum/runtime/channel.hpp>
#include <septum/runtime/line.hpp>

namespace septum::gateway {

struct Outcome {
    u32 verified = 0;
    u32 wrong = 0;   // answers that are not what the table says
    u32 missing = 0; // requests without an answer
};

// Platform:
//   void say(parts…)    one line
//   void ring()         the request channel's bell
//   bool wait(u32 step) until something may have arrived; false when step says that patience is over
template <typename Platform>
class Session {
public:
    Session(Platform& platform, guest::Sender requests, guest::Receiver answers)
        : platform_(platform), requests_(requests), answers_(answers) {}

    // Sends every message, one after another, and compares each answer with the one expected.
    Outcome run(const u8 (&expected)[kMessageCount][vault::kMacSize]) {
        constexpr u32 kReportEvery = 50;
        Outcome outcome;
        for (u32 i = 0; i < kMessageCount; ++i) {
            u8 message[vault::kMaxRequest];
            const u64 length = make_message(i, message);
            vault::Answer answer{};
            if (!ask(message, length, answer)) {
                ++outcome.missing;
                platform_.say("gateway: no answer to message ", i);
                if (outcome.missing > kPatience) {
                    platform_.say("gateway: the vault does not answer, giving up");
                    break;
                }
            } else if (!equal(answer.mac, expected[i])) {
                ++outcome.wrong;
                platform_.say("gateway: answer ", i, " is wrong");
            } else {
                ++outcome.verified;
            }
            if ((i + 1) % kReportEvery == 0 && i + 1 < kMessageCount) {
                platform_.say("gateway: ", i + 1, " of ", kMessageCount, " messages sent");
            }
        }
        platform_.say("gateway: ", outcome.verified, " of ", kMessageCount, " answers verified");
        return outcome;
    }

    // Tells the vault that no more requests come.
    void farewell() {
        (void)requests_.send(nullptr, 0);
        platform_.ring();
    }

private:
    static constexpr u32 kPatience = 3; // unanswered messages

    bool ask(const u8* message, u64 length, vault::Answer& answer) {
        const u64 number = send(message, length);
        if (number == 0) {
            return false;
        }
        platform_.ring();
        for (u32 step = 0;; ++step) {
            while (take(answer)) {
                if (answer.request == number) {
                    return true;
                } // else: to an earlier request, which we gave up, or which an earlier launch of ours made
            }
            if (!platform_.wait(step)) {
                return false;
            }
        }
    }

    u64 send(const u8* message, u64 length) {
        for (u32 step = 0;; ++step) {
            const u64 number = requests_.send(message, length);
            if (number != 0 || !platform_.wait(step)) {
                return number;
            }
        }
    }

    // The next whole answer, if one waits. Anything else in the channel is passed over.
    bool take(vault::Answer& answer) {
        for (;;) {
            u8 buffer[sizeof(vault::Answer)];
            const guest::Received received = answers_.receive(buffer, sizeof(buffer));
            if (received.status == guest::Received::Status::nothing) {
                return false;
            }
            if (received.status == guest::Received::Status::message && received.length == sizeof(answer)) {
                __builtin_memcpy(&answer, buffer, sizeof(answer));
                return true;
            }
        }
    }

    static bool equal(const u8 (&a)[vault::kMacSize], const u8 (&b)[vault::kMacSize]) {
        u8 difference = 0;
        for (u64 i = 0; i < vault::kMacSize; ++i) {
            difference = static_cast<u8>(difference | (a[i] ^ b[i]));
        }
        return difference == 0;
    }

    Platform& platform_;
    guest::Sender requests_;
    guest::Receiver answers_;
};

} // namespace septum::gateway
