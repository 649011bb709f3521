// SPDX-License-Identifier: Apache-2.0
// Counts its lives: the partition's memory is scrubbed at each, the number comes from the kernel.
#include <septum/runtime/console.hpp>
#include <septum/runtime/partition.hpp>

void septum::guest::partition_main(const Launch& launch) {
    say(launch.info.name, ": life ", launch.count, ", ", launch.info.ram_size / kMiB, " MiB, all mine");
}
