// SPDX-License-Identifier: Apache-2.0
// A partition with a device of its own. First life: the device works, by DMA and by interrupt, in the partition's
// memory; then it is told to reach for everything else, and to raise every kind of interrupt. Second life: the device
// is as after a reset, and what it was told in the life before does not arrive. Named `driver-N` it lives N + 1 times,
// each time as the second, and ends with a transfer under way.
#include "partitions/edu/messages.hpp"
#include "partitions/health/ends.hpp"

#include <septum/runtime/call.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::edu {
namespace {

using guest::Hex;
using guest::say;

struct alignas(kPageSize) Page {
    u64 words[kBufferSize / 8];
};
Page sent;
Page received;

constexpr u64 kLateTarget = 0x80'0000; // 8 MiB: no payload lies there, so that a new life finds zeros

u32 interrupts = 0;
Device* device = nullptr;

void take(guest::Frame&) {
    interrupts++;
    device->acknowledge();
}

// Interrupts are off but for here.
void let_interrupts_in() {
    asm volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}

void wait_ms(u64 milliseconds) {
    const u64 end = guest::cpu::timestamp() + guest::tsc_hz() / 1000 * milliseconds;
    while (guest::cpu::timestamp() < end) {
        asm volatile("pause" : : : "memory");
    }
}

u64 word(u64 seed, u64 i) {
    return (seed + i) * 0x9E37'79B9'7F4A'7C15ULL | 1;
}

void fill(Page& page, u64 seed) {
    for (u64 i = 0; i < kBufferSize / 8; ++i) {
        page.words[i] = word(seed, i);
    }
}

// What the device holds, brought here.
void look(Device& edu) {
    edu.deliver(reinterpret_cast<u64>(&received), kBufferSize);
}

bool works(Device& edu) {
    fill(sent, 1);
    fill(received, 2);
    interrupts = 0;
    edu.fetch(reinterpret_cast<u64>(&sent), kBufferSize, true);
    let_interrupts_in();
    edu.deliver(reinterpret_cast<u64>(&received), kBufferSize, true);
    let_interrupts_in();
    for (u64 i = 0; i < kBufferSize / 8; ++i) {
        if (received.words[i] != word(1, i)) {
            say("edu: BROKEN: what came back is not what was sent, from byte ", i * 8);
            return false;
        }
    }
    if (interrupts != 2) {
        say("edu: BROKEN: ", interrupts, " interrupts instead of 2");
        return false;
    }
    say("edu: 4096 bytes through the device and back, 2 interrupts");
    return true;
}

// Addresses as a device says them. The partition's memory is at 0; all of this is above it.
struct Target {
    u64 address;
    const char* what;
};
constexpr Target kTargets[] = {
    {0x0100'0000, "just above its memory"},
    {0x0200'0000, "where other partitions' memory is"},
    {0x0800'0000, "further up"},
    {0x3BF0'0000, "where the kernel and its tables may be"},
    {0xC000'0000, "above low memory"},
    {0xD000'0000, "where channels are seen"},
    {0xE000'0000, "its own registers, as this partition sees them"},
    {0xFE80'0000, "its own registers, as the machine has them"},
    {0xFE90'0000, "the registers of other devices"},
    {0xFEC0'0000, "the I/O interrupt controller"},
    {0xFED0'0000, "the HPET"},
    {0xFED9'0000, "the IOMMU's registers"},
    {0xFFFF'F000, "the firmware"},
    {0x1'0000'0000, "at 4 GiB"},
    {0x7F'FFFF'F000, "at the end of what the IOMMU translates"},
    {0xF'FFFF'FFFF'F000, "beyond every memory"},
};
constexpr u64 kTargetCount = sizeof(kTargets) / sizeof(kTargets[0]);

// After a read that was blocked, the device holds what it held, or nothing at all.
bool learned_nothing() {
    for (u64 i = 0; i < kBufferSize / 8; ++i) {
        const u64 got = received.words[i];
        if (got != word(3, i) && got != 0 && got != ~0ULL) {
            return false;
        }
    }
    return true;
}

bool attack(Device& edu, u64 number, const Target& target) {
    say("edu: try ", number, ": write at ", Hex{target.address}, ", then read: ", target.what);
    fill(sent, 3);
    edu.fetch(reinterpret_cast<u64>(&sent), kBufferSize);
    edu.deliver(target.address, kBufferSize);
    edu.fetch(target.address, kBufferSize);
    look(edu);
    if (!learned_nothing()) {
        say("edu: BREACH: something was read at ", Hex{target.address});
        return false;
    }
    return true;
}

// Messages in the format of remapped interrupts (VT-d §5.1.2.2), with entries that are not this device's. On a machine
// with AMD-Vi they are plain writes into the interrupt window, with the vectors that the low byte says.
bool forge_interrupts(Device& edu, u64 number) {
    say("edu: try ", number, ": write interrupts that are not its own");
    for (u32 handle = 1; handle <= 2; ++handle) {
        sent.words[0] = 0;
        edu.fetch(reinterpret_cast<u64>(&sent), 4);
        edu.deliver(0xFEE0'0010u | handle << 5, 4);
    }
    return true;
}

bool attacks(Device& edu) {
    for (u64 i = 0; i < kTargetCount; ++i) {
        if (!attack(edu, i + 1, kTargets[i])) {
            return false;
        }
    }
    return forge_interrupts(edu, kTargetCount + 1);
}

// As after a reset, but for what the owner has not written yet.
bool is_fresh() {
    constexpr u32 kLive = 0x7; // I/O, memory, bus master
    return (config_read(kCommand) & kLive) == 0;
}

} // namespace
} // namespace septum::edu

void septum::guest::partition_main(const Launch& launch) {
    using namespace septum::edu;
    Device edu;
    device = &edu;
    on_vector(kVector, take);
    if (!is_fresh()) {
        say("edu: BREACH: the device decodes or masters the bus at launch");
        return;
    }
    const char* why = "";
    if (!edu.start(launch.info.apic_ids[0], why)) {
        say("edu: BROKEN: ", why);
        return;
    }
    say("edu: registers at ", Hex{edu.registers()}, ", MSI at ", Hex{edu.msi()}, ", launch ", launch.count);
    const volatile u64& late = *reinterpret_cast<volatile u64*>(kLateTarget);
    const bool often = health::number_of(launch.info.name) != 0;
    if (launch.count != 0) {
        wait_ms(300); // longer than the device takes
        if (late != 0) {
            say("edu: BREACH: a transfer of the life before arrived");
            return;
        }
        say("edu: nothing of the life before arrived");
    }
    if (!works(edu)) {
        return;
    }
    if (often) {
        if (!health::through(launch.info, launch.count)) {
            edu.begin_delivery(kLateTarget, kBufferSize);
            health::end_in_turn(launch.info, launch.count);
        }
        return;
    }
    if (launch.count != 0) {
        if (messages(edu, launch.info)) {
            say("edu: works again");
        }
        return;
    }
    if (!attacks(edu) || !messages(edu, launch.info)) {
        return;
    }
    on_vector(kVector, take);
    if (!works(edu)) {
        return;
    }
    say("edu: ", kTargetCount + 1, " tries, nothing gained; restarts with a transfer under way");
    edu.begin_delivery(kLateTarget, kBufferSize);
    restart();
}
