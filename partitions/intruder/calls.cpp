// SPDX-License-Identifier: Apache-2.0
// The kernel's own interface, used as it is not meant to be.
#include "partitions/intruder/attack.hpp"

#include <septum/guest/hypercall.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::intruder::calls {
namespace {

using guest::Hypercall;

constexpr u64 kWild[] = {0, 1, 0xFF, 0x100, 0x7FFF'FFFF, 0xFFFF'FFFF, 0x1'0000'0000, 0x8000'0000'0000'0000, ~0ULL};

bool ends_us(u32 number) {
    return number == static_cast<u32>(Hypercall::stop) || number == static_cast<u32>(Hypercall::restart);
}

bool known(u32 number) {
    return ends_us(number) || number == static_cast<u32>(Hypercall::version) ||
           number == static_cast<u32>(Hypercall::doorbell) || number == static_cast<u32>(Hypercall::pending) ||
           number == static_cast<u32>(Hypercall::heartbeat) ||
           number == guest::kVmwareMagic;
}

bool wild_arguments(u32 number) {
    for (const u64 rdi : kWild) {
        for (const u64 rsi : kWild) {
            const u64 answer = guest::call_number(number, rdi, rsi);
            if (!known(number) && answer != guest::kUnknown) {
                return false;
            }
        }
    }
    return true;
}

} // namespace

Result wild_calls(const Try& t) {
    t.say("make every hypercall near the known ones, and some far off, with wild arguments");
    const u32 first = static_cast<u32>(Hypercall::version);
    for (u32 number = first - 16; number < first + 48; ++number) {
        if (!ends_us(number) && !wild_arguments(number)) {
            return breach("a number that does not exist was answered");
        }
    }
    for (const u64 number : kWild) {
        if (!wild_arguments(static_cast<u32>(number))) {
            return breach("a number that does not exist was answered");
        }
    }
    return nothing("all were refused");
}

Result foreign_doorbells(const Try& t) {
    t.say("ring every doorbell there could be");
    for (u64 index = 0; index < 0x400; ++index) {
        bool own = false;
        for (u32 i = 0; i < t.info().channel_count; ++i) {
            own = own || (t.info().channels[i].index == index && t.info().channels[i].direction == guest::kWrites);
        }
        if (!own && guest::call(Hypercall::doorbell, index) != guest::kDenied) {
            return breach("a doorbell that is not its own rang");
        }
    }
    for (const u64 index : kWild) {
        if (index > 0xFFFF && guest::call(Hypercall::doorbell, index) != guest::kDenied) {
            return breach("a doorbell that does not exist rang");
        }
    }
    return nothing("all were denied");
}

// Characters that would repaint or forge others' lines, more of them than the console can hold.
Result flood_console(const Try& t) {
    t.say("flood the console with control characters");
    constexpr u32 kFlood = 20'000;
    constexpr char kControl[] = {'\x1B', '\r', '\b', '\f', '\x07', '\x7F'};
    for (u32 i = 0; i < kFlood; ++i) {
        guest::cpu::out8(guest::kUartPort, static_cast<u8>(kControl[i % sizeof(kControl)])); // without asking for room
    }
    return nothing("nobody waited");
}

} // namespace septum::intruder::calls
