// SPDX-License-Identifier: Apache-2.0
// The smallest partition: says what it was given, and ends.
#include <septum/runtime/console.hpp>
#include <septum/runtime/partition.hpp>

void septum::guest::partition_main(const Launch& launch) {
    const Info& info = launch.info;
    say("hello from partition ", info.name, ": ", info.cpu_count, info.cpu_count == 1 ? " CPU, " : " CPUs, ",
        info.ram_size / kMiB, " MiB, ", info.channel_count, info.channel_count == 1 ? " channel" : " channels",
        ", launch ", launch.count);
    for (u32 i = 0; i < info.channel_count; ++i) {
        const InfoChannel& channel = info.channels[i];
        say("  channel ", channel.name, channel.direction == kWrites ? " to " : " from ", channel.peer, ": ",
            channel.size / kKiB, " KiB at ", Hex{channel.gpa}, channel.doorbell != 0 ? ", with a doorbell" : "");
    }
}
