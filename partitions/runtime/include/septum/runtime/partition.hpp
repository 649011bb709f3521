// SPDX-License-Identifier: Apache-2.0
// What a native partition is given, and the one function it must define.
#pragma once

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>
#include <septum/types.hpp>

namespace septum::guest {

struct Launch {
    const Info& info; // checked: magic, version and counts are in range
    u64 count;        // 0 the first time, one more after each restart
};

// The partition's program. Interrupts are off, the local APIC is on, the timer stopped. Returning stops the partition.
void partition_main(const Launch& launch);

inline constexpr u8 kWrites = 1; // InfoChannel::direction
inline constexpr u8 kReads = 2;

// The channel of that name and direction, or null when this partition has none.
inline const InfoChannel* find_channel(const Info& info, const char* name, u8 direction) {
    for (u32 i = 0; i < info.channel_count && i < kMaxInfoChannels; ++i) {
        const InfoChannel& channel = info.channels[i];
        u32 at = 0;
        while (at < sizeof(channel.name) - 1 && name[at] != '\0' && channel.name[at] == name[at]) {
            ++at;
        }
        if (channel.direction == direction && name[at] == '\0' && channel.name[at] == '\0') {
            return &channel;
        }
    }
    return nullptr;
}

// Where it lies: native partitions see guest-physical addresses as they are.
inline void* memory_of(const InfoChannel& channel) {
    return reinterpret_cast<void*>(channel.gpa);
}

} // namespace septum::guest
