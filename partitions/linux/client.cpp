// SPDX-License-Identifier: Apache-2.0
// The gateway on Linux: an ordinary static program. It reaches its channels through /dev/mem, as it would a device's
// memory, and rings by a port. No driver, no libc.
//   gateway [keep]    keep: no farewell, so that the vault goes on and the program can run again
// Exit codes: 0 all answers verified, 1 not all, 2 the partition is not set up for it.
#include "partitions/gateway/session.hpp"
#include "partitions/linux/syscall.hpp"

#include "septum_expected_answers.hpp"

#include <septum/guest/board.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::linux_client {
namespace {

template <typename... Parts>
void say(const Parts&... parts) {
    guest::Line line;
    line.add(parts...).end();
    (void)write(1, line.data(), line.size());
}

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
    say("gateway: ", parts...);
    leave(2);
}

// Opened without O_SYNC, so that the kernel maps write-back where its memory types allow it.
class PhysicalMemory {
public:
    PhysicalMemory() : descriptor_(open("/dev/mem", kReadWrite)) {
        if (descriptor_ < 0) {
            refuse("cannot open /dev/mem: error ", static_cast<int>(-descriptor_));
        }
    }

    [[nodiscard]] void* map(u64 at, u64 size, bool writable) const {
        const long result = map_shared(static_cast<int>(descriptor_), at, (size + kPageSize - 1) & ~(kPageSize - 1),
                                       kProtRead | (writable ? kProtWrite : 0));
        if (result < 0 && result > -4096) {
            refuse("cannot map ", guest::Hex{at}, ": error ", static_cast<int>(-result));
        }
        return reinterpret_cast<void*>(result);
    }

private:
    long descriptor_;
};

// Linux readers have no doorbell interrupt: the answer is polled, at first without sleeping, since it comes in
// microseconds.
class Linux {
public:
    explicit Linux(u32 request) : request_(static_cast<u8>(request)) {}

    template <typename... Parts>
    void say(const Parts&... parts) {
        linux_client::say(parts...);
    }

    void ring() { guest::cpu::out8(guest::kDoorbellPort, request_); }

    bool wait(u32 step) {
        constexpr u32 kSpins = 20'000;
        constexpr u32 kSleeps = 6000;
        constexpr long kNap = 5'000'000;
        if (step < kSpins) {
            guest::cpu::pause();
        } else {
            sleep_nanoseconds(kNap);
        }
        return step < kSpins + kSleeps;
    }

private:
    u8 request_;
};

const guest::Info& read_info(const PhysicalMemory& memory) {
    const auto& info = *static_cast<const guest::Info*>(memory.map(guest::kInfoBase, kPageSize, false));
    if (info.magic != guest::kInfoMagic || info.version != guest::kInfoVersion) {
        refuse("no information page at ", guest::Hex{guest::kInfoBase}, ": is this a Septum partition?");
    }
    return info;
}

const guest::InfoChannel& need_channel(const guest::Info& info, const char* name, u8 direction) {
    const guest::InfoChannel* channel = guest::find_channel(info, name, direction);
    if (channel == nullptr || channel->size < guest::kSmallestChannel) {
        refuse("needs a channel `", name, direction == guest::kWrites ? "` to write" : "` to read");
    }
    return *channel;
}

bool same(const char* a, const char* b) {
    for (; *a == *b; ++a, ++b) {
        if (*a == '\0') {
            return true;
        }
    }
    return false;
}

int run(bool keep) {
    const PhysicalMemory memory;
    const guest::Info& info = read_info(memory);
    const guest::InfoChannel& out = need_channel(info, vault::kRequestChannel, guest::kWrites);
    const guest::InfoChannel& in = need_channel(info, vault::kAnswerChannel, guest::kReads);
    if (allow_ports(guest::kDoorbellPort, 1) < 0) {
        refuse("may not use port ", guest::Hex{guest::kDoorbellPort}, ": is this root?");
    }
    void* const request = memory.map(out.gpa, out.size, true);
    const void* const answer = memory.map(in.gpa, in.size, false);
    Linux platform(out.index);
    gateway::Session session(platform, guest::Sender(request, out.size, answer),
                             guest::Receiver(answer, in.size, request));
    const gateway::Outcome outcome = session.run(gateway::kExpected);
    if (!keep) {
        session.farewell();
    }
    return outcome.verified == gateway::kMessageCount ? 0 : 1;
}

} // namespace
} // namespace septum::linux_client

// Called by start.S with the stack as the kernel left it: argc, argv…
extern "C" [[noreturn]] void client_start(const septum::u64* stack);

void client_start(const septum::u64* stack) {
    using namespace septum::linux_client;
    const septum::u64 count = stack[0];
    const auto* arguments = reinterpret_cast<const char* const*>(stack + 1);
    leave(run(count > 1 && same(arguments[1], "keep")));
}
