// SPDX-License-Identifier: Apache-2.0
#include "partitions/health/storm.hpp"

#include "partitions/health/ends.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>
#include <septum/runtime/processors.hpp>

namespace septum::health {
namespace {

using namespace guest;

constexpr u64 kInitialise = apic::kInit | apic::kAssert;
constexpr u64 kStart = apic::kStartup | apic::kAssert | kTrampoline / kPageSize;
constexpr u64 kSoonest = 50; // microseconds

struct Life {
    const Info* info = nullptr;
    u64 launch = 0;
    u64 chance = 0; // a random number, another one in each life
    u64 end_at = 0; // by the time-stamp counter, which both CPUs share
};
Life life;

void ignore(Frame&) {}

u64 ticks(u64 microseconds) {
    return tsc_hz() / 1'000'000 * microseconds;
}

void wait_until(u64 tick) {
    while (cpu::timestamp() < tick) {
        cpu::pause();
    }
}

u64 mix(u64 value) { // SplitMix64's last step
    value = (value ^ value >> 30) * 0xBF58'476D'1CE4'E5B9ULL;
    value = (value ^ value >> 27) * 0x94D0'49BB'1331'11EBULL;
    return value ^ value >> 31;
}

void end_at(u64 tick) {
    wait_until(tick);
    end_in_turn(*life.info, life.launch);
}

// Stops the second CPU and starts it, again and again, until it is time. It may be anywhere then.
void start_over(u64 until) {
    const u32 second = life.info->apic_ids[1];
    for (u64 n = life.chance; cpu::timestamp() < until; ++n) {
        apic::command(second, kInitialise);
        if (n % 3 != 0) {
            apic::command(second, kStart);
        }
    }
}

// Interrupts the first CPU, until it is time, and may stop it: nobody starts it in this life again.
void disturb(u64 until, bool stop) {
    const u32 first = life.info->apic_ids[0];
    for (u32 n = 0; cpu::timestamp() < until; ++n) {
        apic::command(first, apic::kNmi | apic::kAssert);
        if (stop && n % 4 == 1) {
            apic::command(first, kInitialise);
        }
    }
}

void spin(u32) {
    for (;;) {
        cpu::pause();
    }
}

void second_ends(u32) {
    if (life.launch % 4 == 2) {
        disturb(life.end_at, (life.chance >> 20 & 1) != 0);
    }
    end_at(life.end_at);
}

} // namespace

void storm(const Info& info, u64 launch) {
    if (through(info, launch)) {
        return;
    }
    const u64 now = cpu::timestamp();
    life.info = &info;
    life.launch = launch;
    life.chance = mix(now + launch);
    life.end_at = launch % 4 == 0 && (life.chance >> 20 & 1) != 0 ? now : now + ticks(kSoonest + life.chance % 1000);
    on_vector(2, ignore);
    switch (launch % 4) {
    case 0: // the second CPU ends as soon as it comes up, while the first starts it over
        (void)start_processor(1, spin);
        (void)start_processor(1, second_ends);
        start_over(life.end_at);
        (void)start_processor(1, second_ends);
        break;
    case 1: // the first ends with the second anywhere between INIT and its first instruction
        (void)start_processor(1, spin);
        start_over(life.end_at);
        end_in_turn(info, launch);
    case 2: // the second disturbs the first, or stops it, and ends
        (void)start_processor(1, second_ends);
        break;
    default: // both end at the same time
        (void)start_processor(1, second_ends);
        end_at(life.end_at);
    }
    spin(0);
}

} // namespace septum::health
