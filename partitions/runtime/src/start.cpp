// SPDX-License-Identifier: Apache-2.0
// From the entry stub to the partition's own program.
#include "start.hpp"

#include <septum/guest/board.hpp>
#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/partition.hpp>

extern "C" [[noreturn]] void septum_guest_start(const septum::guest::Info* info, septum::u64 launch_count);

void septum_guest_start(const septum::guest::Info* info, septum::u64 launch_count) {
    using namespace septum::guest;
    set_up_interrupts();
    if (info->magic != kInfoMagic || info->version != kInfoVersion || info->channel_count > kMaxInfoChannels ||
        info->cpu_count == 0 || info->cpu_count > kMaxInfoCpus) {
        say("guest runtime: no information page of version ", kInfoVersion, " at ",
            Hex{reinterpret_cast<septum::u64>(info)}, ": stopping");
        stop();
    }
    apic::enable();
    partition_main({*info, launch_count});
    stop();
}
