// SPDX-License-Identifier: Apache-2.0
// Runs code at random for as long as it is let: each launch has a seed of its own, even ones in ring 0, odd ones in
// ring 3. Its boot CPU oversees the second one, ends by NMI what goes nowhere, and restarts the partition after some
// hundred snippets or when nothing helps. What the kernel cannot allow ends a launch earlier. Named `stray-N` it lives
// N times, and stops.
#include "partitions/health/ends.hpp"
#include "partitions/stray/cage.hpp"

#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/partition.hpp>
#include <septum/runtime/processors.hpp>

namespace septum::stray {
namespace {

constexpr u64 kSnippets = 500; // a launch
constexpr u64 kWide = 8;       // of so many launches two see all addresses, and seldom come far
constexpr u64 kSeed = 0x5EED'0F57'4A1E'D000;

void second_cpu(u32 /*n*/) {
    run();
}

void wait(u64 cycles) {
    const u64 begin = guest::cpu::timestamp();
    while (guest::cpu::timestamp() - begin < cycles) {
        guest::cpu::pause();
    }
}

// Until enough has been run, or nothing moves any more.
void oversee(u32 target) {
    constexpr u32 kPatience = 5; // NMIs for one snippet
    const u64 hz = guest::tsc_hz();
    u64 last = 0;
    u32 nudges = 0;
    for (;;) {
        wait(hz / 200);
        const Progress now = progress();
        if (now.snippets >= kSnippets) {
            return;
        }
        nudges = now.snippets == last ? nudges + 1 : 0;
        last = now.snippets;
        if (nudges > kPatience) {
            return;
        }
        if (nudges > 0) {
            guest::apic::command(target, guest::apic::kNmi | guest::apic::kAssert);
        }
    }
}

} // namespace
} // namespace septum::stray

void septum::guest::partition_main(const Launch& launch) {
    using namespace septum::stray;
    if (launch.info.cpu_count < 2 || launch.info.ram_size < kCage + 2 * kMiB) {
        say("stray: needs two CPUs and 10 MiB");
        return;
    }
    if (health::number_of(launch.info.name) != 0 && health::through(launch.info, launch.count)) {
        return;
    }
    say("stray: life ", launch.count + 1, " in ring ", launch.count % 2 == 0 ? 0 : 3);
    set_up(launch.count % kWide < 2 ? 4 * kGiB : launch.info.ram_size, kSeed + launch.count,
           launch.count % 2 == 0 ? 0 : 3);
    if (start_processor(1, second_cpu)) {
        oversee(launch.info.apic_ids[1]);
    }
    say("stray: life ", launch.count + 1, ": ", progress().snippets, " snippets, ", progress().exceptions,
        " exceptions");
    restart();
}
