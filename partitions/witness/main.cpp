// SPDX-License-Identifier: Apache-2.0
// A witness: does nothing but watch that nothing of its own changes by another's doing. Two of them talk to each other
// on channels whose names begin with `talk`; a third channel from a stranger (`rumour`) is read and not believed, and
// one to a stranger (`news`) is written once. It reports all it has seen so far twice a second, or the first thing that
// changed.
#include "partitions/witness/conversation.hpp"
#include "partitions/witness/memory.hpp"
#include "partitions/witness/surroundings.hpp"

#include <septum/guest/hypercall.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/doorbell.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::witness {
namespace {

constexpr u32 kTicksPerSecond = 50;
constexpr u32 kTicksPerReport = 25;
constexpr u32 kMessagesPerTick = 4;

// The first channel in a direction whose name begins so.
const guest::InfoChannel* find(const guest::Info& info, const char* begin, u8 direction) {
    for (u32 i = 0; i < info.channel_count; ++i) {
        const guest::InfoChannel& channel = info.channels[i];
        u32 at = 0;
        while (begin[at] != '\0' && channel.name[at] == begin[at]) {
            ++at;
        }
        if (channel.direction == direction && begin[at] == '\0') {
            return &channel;
        }
    }
    return nullptr;
}

// What a stranger is told, once: page-table entries that are present, writable and not yet accessed. It may only read
// them, and so may the processor on its behalf; the witness sees if one changes.
class News {
public:
    explicit News(const guest::InfoChannel* channel) {
        if (channel == nullptr) {
            return;
        }
        words_ = reinterpret_cast<volatile u64*>(channel->gpa);
        count_ = channel->size / 8;
        for (u64 i = 0; i < count_; ++i) {
            words_[i] = entry(i);
        }
    }
    [[nodiscard]] bool intact() const {
        for (u64 i = 0; i < count_; ++i) {
            if (words_[i] != entry(i)) {
                return false;
            }
        }
        return true;
    }

private:
    static u64 entry(u64 i) { return i % 512 * kPageSize | 3; }
    volatile u64* words_ = nullptr;
    u64 count_ = 0;
};

// A stranger's channel: whatever it says, reading it takes bounded time and touches nothing else.
class Rumour {
public:
    explicit Rumour(const guest::InfoChannel* channel)
        : receiver_(channel == nullptr ? nullptr : guest::memory_of(*channel), channel == nullptr ? 0 : channel->size,
                    nullptr),
          there_(channel != nullptr) {}
    void listen() {
        static u8 buffer[guest::kMaxMessage];
        for (u32 i = 0; there_ && i < 16; ++i) {
            if (receiver_.receive(buffer, sizeof(buffer)).status == guest::Received::Status::nothing) {
                return;
            }
        }
    }

private:
    guest::Receiver receiver_;
    bool there_;
};

// The bells that it was rung by, asked of the kernel: no other channel's number may come.
bool only_own_bells(const guest::Info& info, u64& rung) {
    for (u32 i = 0; i < 8; ++i) {
        const u64 index = guest::call(guest::Hypercall::pending);
        if (index == guest::kNone) {
            return true;
        }
        bool own = false;
        for (u32 channel = 0; channel < info.channel_count; ++channel) {
            own = own || (info.channels[channel].index == index && info.channels[channel].direction == guest::kReads);
        }
        if (!own) {
            return false;
        }
        ++rung;
    }
    return true;
}

class Witness {
public:
    Witness(const guest::Launch& launch, const guest::InfoChannel& in, const guest::InfoChannel& out)
        : info_(launch.info), hz_(guest::tsc_hz()), memory_(launch.info.ram_size), talk_(in, out), bell_(in),
          rumour_(find(launch.info, "rumour", guest::kReads)), news_(find(launch.info, "news", guest::kWrites)) {
        const guest::InfoChannel* stranger = find(launch.info, "rumour", guest::kReads);
        if (stranger != nullptr) {
            const guest::Doorbell also(*stranger); // its bell wakes us too
        }
        watch_interrupts(measure_timer(hz_), kTicksPerSecond);
        registers_ = Registers();
        began_ = guest::cpu::timestamp();
    }

    void watch() {
        guest::say(info_.name, ": watching ", info_.ram_size / kMiB, " MiB, launch 0");
        u64 next_work = 0;
        u64 next_report = kTicksPerReport;
        for (;;) {
            bell_.wait();
            rumour_.listen();
            const u64 now = ticks();
            if (now < next_work) {
                continue; // a bell only
            }
            next_work = now + 1;
            const char* wrong = look();
            if (wrong != nullptr) {
                guest::say(info_.name, ": CHANGED: ", wrong, ", ", guest::Hex{detail_});
                return;
            }
            talk_.send(kMessagesPerTick);
            if (now >= next_report) {
                next_report = now + kTicksPerReport;
                report();
            }
        }
    }

private:
    const char* look() {
        if (!memory_.look() || !memory_.same_hash()) {
            detail_ = memory_.changed();
            return "memory";
        }
        if (!news_.intact()) {
            return "what it wrote into its outgoing channel";
        }
        if (const char* wrong = talk_.receive(); wrong != nullptr) {
            detail_ = talk_.received();
            return wrong;
        }
        if (unexpected() != kNone) {
            detail_ = unexpected();
            return "an interrupt came that nobody of its own sends";
        }
        if (!only_own_bells(info_, rung_)) {
            return "it was told of a bell that is not its own";
        }
        if (const char* which = registers_.changed(); which != nullptr) {
            return which;
        }
        const u64 now = guest::cpu::timestamp();
        if (now < last_) {
            return "time went back";
        }
        last_ = now;
        // More ticks than there was time for: somebody else sends its timer's vector. Fewer are the emulator's affair.
        if (ticks() > (now - began_) / (hz_ / kTicksPerSecond) * 11 / 10 + kTicksPerSecond) {
            detail_ = ticks();
            return "its timer ticks too often";
        }
        return nullptr;
    }

    void report() {
        ++reports_;
        guest::say(info_.name, ": report ", reports_, ": memory intact in ", memory_.rounds(), " rounds, hash ",
                   guest::Hex{memory_.hash(), 16}, ", ", talk_.received(), " messages in order, ", talk_.sent(),
                   " sent, ", ticks(), " ticks, ", rung_, " bells, nothing else came");
    }

    const guest::Info& info_;
    u64 hz_;
    Memory memory_;
    Conversation talk_;
    guest::Doorbell bell_;
    Rumour rumour_;
    News news_;
    Registers registers_;
    u64 began_ = 0;
    u64 last_ = 0;
    u64 rung_ = 0;
    u64 reports_ = 0;
    u64 detail_ = 0;
};

} // namespace
} // namespace septum::witness

void septum::guest::partition_main(const Launch& launch) {
    if (launch.count != 0) {
        say(launch.info.name, ": CHANGED: it was started again, ", Hex{launch.count});
        return;
    }
    const InfoChannel* in = septum::witness::find(launch.info, "talk", kReads);
    const InfoChannel* out = septum::witness::find(launch.info, "talk", kWrites);
    if (in == nullptr || out == nullptr || in->size < kSmallestChannel || out->size < kSmallestChannel) {
        say(launch.info.name, ": needs a channel `talk…` in and a channel `talk…` out");
        return;
    }
    septum::witness::Witness witness(launch, *in, *out);
    witness.watch();
}
