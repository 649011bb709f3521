// SPDX-License-Identifier: Apache-2.0
// The native gateway: stands in for Linux where no Linux is wanted.
#include "partitions/gateway/session.hpp"

#include "septum_expected_answers.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/doorbell.hpp>
#include <septum/runtime/interrupts.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::gateway {
namespace {

constexpr u8 kTick = 0x30; // the timer's vector
constexpr u32 kTicksPerSecond = 10;
constexpr u32 kAnswerTicks = 300; // an answer takes microseconds; the vault may be busy starting

u32 ticks; // since the last wait began; written by the timer's handler, read with interrupts off
void on_tick(guest::Frame&) {
    ++ticks;
}

class Native {
public:
    Native(const guest::InfoChannel& request, const guest::InfoChannel& answer)
        : request_(request.index), bell_(answer) {
        guest::on_vector(kTick, on_tick);
        const u64 count = guest::apic_timer_hz() / guest::apic::kTimerDivisor / kTicksPerSecond;
        guest::apic::start_timer(kTick, static_cast<u32>(count), true);
    }
    ~Native() { guest::apic::stop_timer(); }
    Native(const Native&) = delete;
    Native& operator=(const Native&) = delete;

    template <typename... Parts>
    void say(const Parts&... parts) {
        guest::say(parts...);
    }

    void ring() { (void)guest::ring(request_); }

    bool wait(u32 step) {
        if (step == 0) {
            ticks = 0;
        }
        bell_.wait();
        return ticks < kAnswerTicks;
    }

private:
    u32 request_;
    guest::Doorbell bell_;
};

} // namespace
} // namespace septum::gateway

void septum::guest::partition_main(const Launch& launch) {
    const InfoChannel* out = find_channel(launch.info, vault::kRequestChannel, kWrites);
    const InfoChannel* in = find_channel(launch.info, vault::kAnswerChannel, kReads);
    if (in == nullptr || out == nullptr || in->size < kSmallestChannel || out->size < kSmallestChannel) {
        say("gateway: needs channels `", vault::kRequestChannel, "` out and `", vault::kAnswerChannel, "` in");
        return;
    }
    say("gateway: native, ", launch.info.cpu_count, launch.info.cpu_count == 1 ? " CPU" : " CPUs");
    gateway::Native native(*out, *in);
    gateway::Session session(native, Sender(memory_of(*out), out->size, memory_of(*in)),
                             Receiver(memory_of(*in), in->size, memory_of(*out)));
    (void)session.run(gateway::kExpected);
    session.farewell();
}
