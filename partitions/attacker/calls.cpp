// SPDX-License-Identifier: Apache-2.0
// The kernel's own interface, used as it is not meant to be.
#include "partitions/attacker/attack.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/hypercall.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::attacker::calls {
namespace {

using guest::Hypercall;

constexpr u64 kWild[] = {0, 1, 0xFF, 0x100, 0x7FFF'FFFF, 0xFFFF'FFFF, 0x1'0000'0000, 0x8000'0000'0000'0000, ~0ULL};

bool ends_us(u32 number) {
    return number == static_cast<u32>(Hypercall::stop) || number == static_cast<u32>(Hypercall::restart);
}

bool known(u32 number) {
    return ends_us(number) || number == static_cast<u32>(Hypercall::version) ||
           number == static_cast<u32>(Hypercall::doorbell) || number == static_cast<u32>(Hypercall::pending) ||
           number == static_cast<u32>(Hypercall::heartbeat) || number == guest::kVmwareMagic;
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

Result wild_calls(const Try&) {
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

Result every_number(const Try&) {
    constexpr u32 kDense = 0x1000; // from there on every seventh
    for (u32 number = 0; number < 0x1'0000; number += number < kDense ? 1 : 7) {
        if (guest::call_number(number, ~0ULL, ~0ULL) != guest::kUnknown) {
            return breach("a number that does not exist was answered");
        }
    }
    for (u32 bit = 0; bit < 32; ++bit) {
        if (guest::call_number(1U << bit, 0, 0) != guest::kUnknown) {
            return breach("a number that does not exist was answered");
        }
    }
    return nothing("all were refused");
}

// Two have an answer, and those are constants.
Result vmware_commands(const Try&) {
    constexpr u32 kDense = 0x1000; // from there on every seventh
    for (u32 command = 0; command < 0x1'0000; command += command < kDense ? 1 : 7) {
        const guest::VmwareAnswer answer = guest::call_vmware(command);
        const bool exists = command == guest::kVmwareGetHz || command == guest::kVmwareGetVcpuInfo;
        if (!exists && (answer.eax != ~0U || answer.ebx != 0)) {
            return breach("a command that does not exist was answered");
        }
    }
    return nothing("two constants");
}

// By the port: every number that is not its own bell's is dropped, and asking tells only of its own.
Result doorbell_port(const Try& t) {
    for (u32 index = 0; index < 0x100; ++index) {
        guest::cpu::out8(guest::kDoorbellPort, static_cast<u8>(index));
    }
    for (u32 i = 0; i < 0x200; ++i) {
        const u8 rung = guest::cpu::in8(guest::kDoorbellPort);
        bool own = rung == 0xFF;
        for (u32 channel = 0; channel < t.info().channel_count; ++channel) {
            own = own ||
                  (t.info().channels[channel].index == rung && t.info().channels[channel].direction == guest::kReads);
        }
        if (!own) {
            return breach("it was told of a bell that is not its own");
        }
    }
    return nothing("it hears of its own only");
}

Result heartbeats(const Try&) {
    for (u32 i = 0; i < 5'000; ++i) {
        const u64 answer = guest::call(Hypercall::heartbeat, i, ~u64{i});
        if (answer != 0 && answer != guest::kDenied && answer != guest::kUnknown) {
            return breach("an answer that does not exist");
        }
    }
    return nothing("nobody waited");
}

Result sleep_values(const Try&) {
    for (u32 value = 0; value < 0x100; ++value) {
        if (value != guest::kSleepPowerOff) {
            guest::cpu::out8(guest::kSleepPort, static_cast<u8>(value));
        }
        guest::cpu::out8(guest::kSleepStatusPort, static_cast<u8>(value));
    }
    guest::cpu::out16(guest::kSleepPort, guest::kSleepPowerOff);
    guest::cpu::out32(guest::kSleepPort, guest::kSleepPowerOff);
    return nothing("it is awake");
}

} // namespace septum::attacker::calls
