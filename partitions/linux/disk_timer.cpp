// SPDX-License-Identifier: Apache-2.0
// How long a disk takes, in ticks of the time-stamp counter: what `./dev bench` compares. Reads past the page cache,
// one request after the other.
//   disk-timer DISK             4 KiB at random places, then 1 MiB after 1 MiB: says the quartiles of each
//   disk-timer DISK quiet N     N times 4 KiB with a pause before and after, in which nothing else happens; says
//   nothing
// Exit codes: 0 done, 1 a read failed, 2 wrong words.
#include "partitions/linux/syscall.hpp"

#include <septum/runtime/cpu.hpp>
#include <septum/runtime/line.hpp>

namespace septum::linux_client {
namespace {

constexpr u64 kDirect = 0x4000; // O_DIRECT; O_RDONLY is 0
constexpr u64 kSmall = 4 << 10;
constexpr u64 kLarge = 1 << 20;
constexpr u64 kDiskUsed = 32 << 20; // bytes from the disk's start on
constexpr u32 kSmallReads = 6000;
constexpr u32 kLargeReads = 400;
constexpr long kPauseSeconds = 4;

alignas(4096) char buffer[kLarge];
u64 times[kSmallReads];

template <typename... Parts>
void say(const Parts&... parts) {
    guest::Line line;
    line.add("disk-timer: ", parts...).end();
    (void)write(1, line.data(), line.size());
}

void read_at(long disk, u64 offset, u64 size) {
    constexpr long kPositionalRead = 17; // pread64
    const long got = syscall(kPositionalRead, static_cast<u64>(disk), address(buffer), size, offset);
    if (got != static_cast<long>(size)) {
        say("failed: a read of ", size, " bytes at ", offset, " gave ", static_cast<int>(got));
        leave(1);
    }
}

// Some place on the disk, a multiple of `size`; the same places in the same order each time.
u64 somewhere(u64& state, u64 size) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % (kDiskUsed / size) * size;
}

void sort(u64* values, u32 count) { // by Shell's method
    for (u32 gap = count / 2; gap != 0; gap /= 2) {
        for (u32 i = gap; i < count; ++i) {
            const u64 value = values[i];
            u32 at = i;
            for (; at >= gap && values[at - gap] > value; at -= gap) {
                values[at] = values[at - gap];
            }
            values[at] = value;
        }
    }
}

void measure(long disk, const char* what, u64 size, u32 count, bool at_random) {
    u64 state = 1;
    for (u32 i = 0; i < count; ++i) {
        const u64 offset = at_random ? somewhere(state, size) : i % (kDiskUsed / size) * size;
        const u64 start = guest::cpu::timestamp();
        read_at(disk, offset, size);
        times[i] = guest::cpu::timestamp() - start;
    }
    sort(times, count);
    say(what, " ", u64{count}, " reads of ", size, " bytes, lower quartile ", times[count / 4], " ticks, median ",
        times[count / 2]);
}

void sleep_seconds(long seconds) {
    const Timespec time{seconds, 0};
    (void)syscall(35, address(&time)); // nanosleep
}

u64 number(const char* text) {
    u64 value = 0;
    for (; *text >= '0' && *text <= '9'; ++text) {
        value = value * 10 + static_cast<u64>(*text - '0');
    }
    return value;
}

int run(u64 count, const char* const* arguments) {
    if (count != 2 && count != 4) {
        say("wants DISK, or DISK quiet N");
        return 2;
    }
    const long disk = open(arguments[1], kDirect);
    if (disk < 0) {
        say("failed: cannot open ", arguments[1], ": error ", static_cast<int>(-disk));
        return 1;
    }
    if (count == 2) {
        measure(disk, "latency", kSmall, kSmallReads, true);
        measure(disk, "throughput", kLarge, kLargeReads, false);
        return 0;
    }
    u64 state = 1;
    sleep_seconds(kPauseSeconds);
    for (u64 left = number(arguments[3]); left != 0; --left) {
        read_at(disk, somewhere(state, kSmall), kSmall);
    }
    sleep_seconds(kPauseSeconds);
    return 0;
}

} // namespace
} // namespace septum::linux_client

// Called by start.S with the stack as the kernel left it: argc, argv…
extern "C" [[noreturn]] void client_start(const septum::u64* stack);

void client_start(const septum::u64* stack) {
    septum::linux_client::leave(septum::linux_client::run(stack[0], reinterpret_cast<const char* const*>(stack + 1)));
}
