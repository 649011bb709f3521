// SPDX-License-Identifier: Apache-2.0
// How long a disk takes, in ticks of the time-stamp counter: what `./dev bench` compares. Reads past the page cache.
//   disk-timer DISK             4 KiB at random places, then 1 MiB after 1 MiB, one request after the other; then 1 MiB
//                               after 1 MiB with eight requests in flight, into large pages: says the quartiles of each
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
constexpr u32 kInFlight = 8;
constexpr u32 kStretch = 16; // reads that are timed together while others are in flight
constexpr u32 kStretches = 100;
constexpr u64 kLargePage = 2 << 20;
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

void say_quartiles(const char* what, u64 size, u32 count) {
    sort(times, count);
    say(what, " ", u64{count}, " reads of ", size, " bytes, lower quartile ", times[count / 4], " ticks, median ",
        times[count / 2]);
}

void measure(long disk, const char* what, u64 size, u32 count, bool at_random) {
    u64 state = 1;
    for (u32 i = 0; i < count; ++i) {
        const u64 offset = at_random ? somewhere(state, size) : i % (kDiskUsed / size) * size;
        const u64 start = guest::cpu::timestamp();
        read_at(disk, offset, size);
        times[i] = guest::cpu::timestamp() - start;
    }
    say_quartiles(what, size, count);
}

// Asynchronous requests: Linux linux/aio_abi.h.
struct Request {
    u64 data = 0;
    u64 key_and_flags = 0;
    u16 operation = 0; // IOCB_CMD_PREAD
    u16 priority = 0;
    u32 descriptor = 0;
    u64 buffer = 0;
    u64 size = 0;
    u64 offset = 0;
    u64 reserved = 0;
    u64 event = 0;
};
static_assert(sizeof(Request) == 64);
struct Completion {
    u64 data;
    u64 request;
    long result;
    long result2;
};

[[noreturn]] void give_up(const char* what, long error) {
    say("failed: ", what, ": error ", static_cast<int>(-error));
    leave(1);
}

// A buffer in pages of 2 MiB, as large buffers are where the kernel gives such pages by itself.
u64 large_pages(u64 size) {
    constexpr u64 kPrivateAnonymous = 0x22;
    constexpr u64 kHugePage = 14; // MADV_HUGEPAGE
    const long mapped = syscall(9, 0, size + kLargePage, kProtRead | kProtWrite, kPrivateAnonymous, ~0ULL, 0);
    if (mapped < 0 && mapped > -4096) {
        give_up("no memory", mapped);
    }
    const u64 start = (static_cast<u64>(mapped) + kLargePage - 1) & ~(kLargePage - 1);
    if (const long got = syscall(28, start, size, kHugePage); got < 0) {
        give_up("no large pages", got);
    }
    for (u64 at = 0; at < size; at += 4096) {
        reinterpret_cast<volatile char*>(start)[at] = 0;
    }
    return start;
}

// Keeps `kInFlight` reads in flight, and times each `kStretch` that come back.
void stream(long disk) {
    constexpr long kSetUp = 206;  // io_setup
    constexpr long kEvents = 208; // io_getevents
    constexpr long kSubmit = 209; // io_submit
    const u64 memory = large_pages(kInFlight * kLarge);
    u64 context = 0;
    if (const long got = syscall(kSetUp, kInFlight, address(&context)); got < 0) {
        give_up("no asynchronous reads", got);
    }
    Request requests[kInFlight];
    Completion done[kInFlight];
    u64 asked = 0;
    const auto ask = [&](u64 slot) {
        Request& request = requests[slot];
        request = Request{};
        request.data = slot;
        request.descriptor = static_cast<u32>(disk);
        request.buffer = memory + slot * kLarge;
        request.size = kLarge;
        request.offset = asked++ % (kDiskUsed / kLarge) * kLarge;
        const Request* const list = &request;
        if (const long got = syscall(kSubmit, context, 1, address(static_cast<const void*>(&list))); got != 1) {
            give_up("a read was not taken", got);
        }
    };
    for (u64 slot = 0; slot < kInFlight; ++slot) {
        ask(slot);
    }
    u32 stretches = 0;
    u32 within = 0;
    u64 start = guest::cpu::timestamp();
    while (stretches < kStretches) {
        const long count = syscall(kEvents, context, 1, kInFlight, address(done), 0);
        if (count < 1) {
            give_up("no read came back", count);
        }
        for (long i = 0; i < count; ++i) {
            if (done[i].result != static_cast<long>(kLarge)) {
                give_up("a read in flight", done[i].result);
            }
            if (++within == kStretch && stretches < kStretches) {
                const u64 now = guest::cpu::timestamp();
                times[stretches++] = now - start;
                start = now;
                within = 0;
            }
            ask(done[i].data);
        }
    }
    if (const long got = syscall(207, context); got < 0) { // io_destroy: waits for what is in flight
        give_up("reads in flight did not end", got);
    }
    say_quartiles("throughput", kStretch * kLarge, kStretches);
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
        measure(disk, "single", kLarge, kLargeReads, false);
        stream(disk);
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
