// SPDX-License-Identifier: Apache-2.0
// Holds a key and answers each request with its HMAC-SHA-256. Sleeps until the gateway rings.
#include "partitions/vault/hmac.hpp"
#include "partitions/vault/key.hpp"
#include "partitions/vault/protocol.hpp"

#include <septum/runtime/channel.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/doorbell.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::vault {
namespace {

constexpr u64 kReportEvery = 100; // answers

struct Tally {
    u64 answered = 0;
    u64 refused = 0; // requests too long or damaged
    u64 lost = 0;    // requests overwritten before we read them
    u64 dropped = 0; // answers for which the gateway left no room
};

// The gateway is not trusted: Receiver bounds the length, and the message is our own copy by now.
void answer(const u8* message, const guest::Received& request, guest::Sender& answers, Tally& tally) {
    Answer reply{};
    reply.request = request.number;
    hmac_sha256(kKey, sizeof(kKey), message, request.length, reply.mac);
    if (answers.send(&reply, sizeof(reply)) == 0) {
        ++tally.dropped;
        return;
    }
    ++tally.answered;
}

void report(const Tally& tally) {
    guest::say("vault: ", tally.answered, " answers given, ", tally.refused, " requests refused, ", tally.lost,
               " lost, ", tally.dropped, " answers dropped");
}

// Until the farewell.
void serve(guest::Receiver& requests, guest::Sender& answers, const guest::Doorbell& bell, u32 answer_channel) {
    static u8 message[kMaxRequest];
    Tally tally;
    for (;;) {
        const guest::Received request = requests.receive(message, sizeof(message));
        switch (request.status) {
        case guest::Received::Status::nothing: bell.wait(); break;
        case guest::Received::Status::message:
            if (request.length == 0) {
                report(tally);
                return;
            }
            answer(message, request, answers, tally);
            guest::ring(answer_channel);
            if (tally.answered % kReportEvery == 0) {
                guest::say("vault: ", tally.answered, " answers given");
            }
            break;
        case guest::Received::Status::damaged: ++tally.refused; break;
        case guest::Received::Status::lost: tally.lost += request.lost; break;
        }
    }
}

} // namespace
} // namespace septum::vault

void septum::guest::partition_main(const Launch& launch) {
    const InfoChannel* in = find_channel(launch.info, vault::kRequestChannel, kReads);
    const InfoChannel* out = find_channel(launch.info, vault::kAnswerChannel, kWrites);
    if (in == nullptr || out == nullptr || in->size < kSmallestChannel || out->size < kSmallestChannel) {
        say("vault: needs channels `", vault::kRequestChannel, "` in and `", vault::kAnswerChannel, "` out");
        return;
    }
    Receiver requests(memory_of(*in), in->size, memory_of(*out));
    Sender answers(memory_of(*out), out->size, memory_of(*in));
    const Doorbell bell(*in);
    say("vault: ready");
    vault::serve(requests, answers, bell, out->index);
}
