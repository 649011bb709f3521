// SPDX-License-Identifier: Apache-2.0
#include "partitions/edu/messages.hpp"

#include <septum/runtime/clock.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::edu {
namespace {

using guest::say;

constexpr u32 kWindow = 0xFEE0'0000; // messages (APM 2 §16.12; SDM 3 §11.11)
constexpr u32 kHint = 1U << 3;
constexpr u32 kLogical = 1U << 2;
constexpr u32 kLowestPriority = 0x100;
constexpr u64 kLate = 2'000;       // µs; by then an interrupt has come, unless the emulator is kept from running
constexpr u64 kNever = 10'000'000; // µs
constexpr u8 kVectors[] = {0x20, 0x51, 0xFE, kVector};

u32 arrived;
u64 arrived_at; // its vector
Device* device;
volatile u32 target; // of a message that is a write into its own memory

void take(guest::Frame& frame) {
    arrived++;
    arrived_at = frame.vector;
    device->acknowledge();
}

// How many came of one that the device sends.
u32 raise(Device& edu, u64 microseconds) {
    arrived = 0;
    edu.raise();
    const u64 end = guest::cpu::timestamp() + guest::tsc_hz() / 1'000'000 * microseconds;
    do {
        asm volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
    } while (arrived == 0 && guest::cpu::timestamp() < end);
    edu.acknowledge(); // what did not arrive
    return arrived;
}

bool arrives(Device& edu, const Message& message) {
    edu.route(message);
    const u32 came = raise(edu, kNever);
    if (came == 1 && arrived_at == (message.data & 0xFF)) {
        return true;
    }
    say("edu: BROKEN: ", came, " interrupts of message ", guest::Hex{message.address}, " ", guest::Hex{message.data});
    return false;
}

bool is_lost(Device& edu, const Message& message) {
    edu.route(message);
    if (raise(edu, kLate) == 0 && target == 0) {
        return true;
    }
    say("edu: BREACH: message ", guest::Hex{message.address}, " ", guest::Hex{message.data}, " arrived");
    return false;
}

u32 foreign_cpu(const guest::Info& info) {
    u32 id = 0;
    for (u32 i = 0; i < info.cpu_count; ++i) { // they are few, and so below any id that this ends with
        id = info.apic_ids[i] == id ? id + 1 : id;
    }
    return id;
}

} // namespace

bool messages(Device& edu, const guest::Info& info) {
    device = &edu;
    const u32 own = kWindow | info.apic_ids[0] << 12;
    for (const u8 vector : kVectors) {
        guest::on_vector(vector, take);
    }
    u32 good = 0;
    for (const u8 vector : kVectors) {
        const Message within[] = {{own, 0, vector}, {own | kHint, 0, kLowestPriority | vector}};
        for (const Message& message : within) {
            if (!arrives(edu, message)) {
                return false;
            }
            ++good;
        }
    }
    const Message outside[] = {
        {kWindow | foreign_cpu(info) << 12, 0, kVector},
        {kWindow | 0xFF << 12, 0, kVector}, // to all
        {kWindow | 0xFF << 12 | kLogical, 0, kVector},
        {kWindow | 0x0F << 12 | kLogical | kHint, 0, kLowestPriority | kVector},
        {own, 0, 31}, // an exception's vector
        {own, 0, 0},
        {own, 0, 0x200 | kVector},                                // SMI
        {own, 0, 0x400},                                          // NMI
        {own, 0, 0x500},                                          // INIT
        {own, 0, 0x700},                                          // ExtINT
        {own, 0, 0xC000 | kVector},                               // level
        {own, 1, kVector},                                        // above 4 GiB
        {static_cast<u32>(reinterpret_cast<u64>(&target)), 0, 1}, // a write into memory
        {~0U, ~0U, ~0U},
    };
    u32 lost = 0;
    for (const Message& message : outside) {
        if (!is_lost(edu, message)) {
            return false;
        }
        ++lost;
    }
    edu.route({own, 0, kVector});
    edu.turn_on(false);
    if (raise(edu, kLate) != 0) {
        say("edu: BREACH: an interrupt arrived while MSI was off");
        return false;
    }
    edu.turn_on(true);
    if (!arrives(edu, {own, 0, kVector})) {
        return false;
    }
    say("edu: ", good, " messages within its bounds arrived, ", lost, " others did not");
    return true;
}

} // namespace septum::edu
