// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/pit.hpp"

namespace septum::kernel::core {

namespace {

constexpr u32 kHigh = 2; // access: this byte of a count alone is written and read
constexpr u32 kBoth = 3; // or the low one and then the high one

u32 access_of(const PitChannel& channel) { return channel.control >> 4 & 3; }
u32 mode_of(const PitChannel& channel) {
    const u32 mode = channel.control >> 1 & 7;
    return mode > 5 ? mode - 4 : mode; // 6 and 7 are 2 and 3
}

// Ticks since the count began. In two parts, so that no product overflows.
u64 ticks_of(const PitChannel& channel, u64 now, u64 tsc_hz) {
    const u64 past = now - channel.start;
    const u64 counted = channel.gate ? past / tsc_hz * kPitHz + past % tsc_hz * kPitHz / tsc_hz : 0;
    return channel.held + counted;
}

struct Reading {
    u16 count;
    bool output;
};

Reading look(const PitChannel& channel, u64 now, u64 tsc_hz) {
    const u32 mode = mode_of(channel);
    if (channel.reload == 0) {
        return {0, mode != 0};
    }
    const u64 ticks = ticks_of(channel, now, tsc_hz);
    const u32 phase = static_cast<u32>(ticks % channel.reload);
    const u32 half = (channel.reload + 1) / 2; // the longer half is the high one
    switch (mode) {
    case 0: return {static_cast<u16>(channel.reload - ticks), ticks > channel.reload};
    case 2: return {static_cast<u16>(channel.reload - phase), !channel.gate || phase != channel.reload - 1};
    case 3: {
        const u32 in_half = phase < half ? phase : phase - half;
        return {static_cast<u16>((channel.reload & ~1u) - 2 * in_half), !channel.gate || phase < half};
    }
    case 4: return {static_cast<u16>(channel.reload - ticks), ticks != channel.reload};
    default: return {static_cast<u16>(channel.reload), true};
    }
}

void latch_count(PitChannel& channel, u64 now, u64 tsc_hz) {
    if (!channel.has_latched) { // a second latch before the first was read is ignored
        channel.latched = look(channel, now, tsc_hz).count;
        channel.has_latched = true;
    }
}

void write_control(Pit& pit, u8 value, u64 now, u64 tsc_hz) {
    const u32 which = value >> 6;
    for (u32 i = 0; i < 3; i++) {
        PitChannel& channel = pit.channels[i];
        if (which == 3 && (value >> (i + 1) & 1) != 0) { // read-back
            if ((value & 0x20) == 0) {
                latch_count(channel, now, tsc_hz);
            }
            if ((value & 0x10) == 0 && !channel.has_status) {
                const u32 state = (look(channel, now, tsc_hz).output ? 0x80u : 0) | (channel.reload == 0 ? 0x40u : 0);
                channel.status = static_cast<u8>(state | channel.control);
                channel.has_status = true;
            }
        } else if (which == i && (value >> 4 & 3) == 0) {
            latch_count(channel, now, tsc_hz);
        } else if (which == i) {
            const bool gate = channel.gate;
            channel = {};
            channel.gate = gate;
            channel.control = value & 0x3F;
        }
    }
}

void write_count(PitChannel& channel, u8 value, u64 now) {
    const u32 access = access_of(channel);
    u32 count = access == kHigh ? u32{value} << 8 : value;
    if (access == kBoth) {
        channel.write_high = !channel.write_high;
        if (channel.write_high) {
            channel.low = value;
            return;
        }
        count = u32{value} << 8 | channel.low;
    }
    channel.reload = count == 0 ? 0x1'0000 : count;
    channel.start = now;
    channel.held = 0;
}

void set_gate(PitChannel& channel, bool gate, u64 now, u64 tsc_hz) {
    if (gate == channel.gate) {
        return;
    }
    const bool begins_anew = gate && (mode_of(channel) == 2 || mode_of(channel) == 3);
    channel.held = begins_anew ? 0 : ticks_of(channel, now, tsc_hz);
    channel.start = now;
    channel.gate = gate;
}

} // namespace

u8 read_pit(Pit& pit, u16 port, u64 now, u64 tsc_hz) {
    pit.channels[0].gate = pit.channels[1].gate = true;
    if (port == kPitGatePort) {
        return static_cast<u8>(pit.speaker | (look(pit.channels[2], now, tsc_hz).output ? 0x20u : 0));
    }
    const u32 index = port - u32{kPitPort};
    if (index > 2) {
        return 0xFF; // the control word cannot be read
    }
    PitChannel& channel = pit.channels[index];
    if (channel.has_status) {
        channel.has_status = false;
        return channel.status;
    }
    const u16 count = channel.has_latched ? channel.latched : look(channel, now, tsc_hz).count;
    const bool high = access_of(channel) == kHigh || channel.high_next;
    channel.high_next = access_of(channel) == kBoth && !channel.high_next;
    channel.has_latched = channel.has_latched && channel.high_next;
    return static_cast<u8>(high ? count >> 8 : count);
}

void write_pit(Pit& pit, u16 port, u8 value, u64 now, u64 tsc_hz) {
    pit.channels[0].gate = pit.channels[1].gate = true;
    const u32 index = port - u32{kPitPort};
    if (port == kPitGatePort) {
        pit.speaker = value & 3;
        set_gate(pit.channels[2], (value & 1) != 0, now, tsc_hz);
    } else if (index == 3) {
        write_control(pit, value, now, tsc_hz);
    } else if (index < 3) {
        write_count(pit.channels[index], value, now);
    }
}

} // namespace septum::kernel::core
