// SPDX-License-Identifier: Apache-2.0
// Its own channels, used as they are not meant to be: the first that it reads, and the first that it writes.
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/own_tables.hpp"

#include <septum/guest/hypercall.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/channel.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/doorbell.hpp>

namespace septum::attacker::channels {
namespace {

constexpr Result kMissing = breach("it has no such channel: give it one that it reads and one that it writes");
constexpr Result kWritten = breach("the write went through");

const guest::InfoChannel* first(const Try& t, u8 direction) {
    for (u32 i = 0; i < t.info().channel_count; ++i) {
        if (t.info().channels[i].direction == direction) {
            return &t.info().channels[i];
        }
    }
    return nullptr;
}

// A word of it that its writer leaves alone.
volatile u64* last_word(const guest::InfoChannel& channel) {
    return reinterpret_cast<volatile u64*>(channel.gpa + channel.size - 8);
}

Result run(u64 address) {
    reinterpret_cast<void (*)()>(address)();
    return breach("it ran");
}

} // namespace

Result write_incoming(const Try& t) {
    const auto* in = first(t, guest::kReads);
    if (in == nullptr) {
        return kMissing;
    }
    *last_word(*in) = 1;
    return kWritten;
}

Result lock_incoming(const Try& t) {
    const auto* in = first(t, guest::kReads);
    if (in == nullptr) {
        return kMissing;
    }
    (void)__atomic_fetch_add(const_cast<u64*>(last_word(*in)), 1ULL, __ATOMIC_SEQ_CST);
    return kWritten;
}

Result execute_incoming(const Try& t) {
    const auto* in = first(t, guest::kReads);
    return in == nullptr ? kMissing : run(in->gpa);
}

Result execute_outgoing(const Try& t) {
    const auto* out = first(t, guest::kWrites);
    if (out == nullptr) {
        return kMissing;
    }
    constexpr u8 kReturn = 0xC3;
    auto* code = reinterpret_cast<volatile u8*>(out->gpa + out->size - 8);
    *code = kReturn;
    return run(out->gpa + out->size - 8);
}

Result ignore_protection(const Try& t) {
    const auto* in = first(t, guest::kReads);
    if (in == nullptr) {
        return kMissing;
    }
    constexpr u64 kWriteProtect = 1 << 16; // CR0.WP
    guest::cpu::write_cr0(guest::cpu::read_cr0() & ~kWriteProtect);
    *last_word(*in) = 1;
    return kWritten;
}

// The writer, a witness, has filled the last page with entries that are present and not accessed. The processor must
// set the accessed bit before it uses one, and that is a write.
Result tables_in_incoming(const Try& t) {
    const auto* in = first(t, guest::kReads);
    if (in == nullptr) {
        return kMissing;
    }
    const u64 page = in->gpa + in->size - kPageSize;
    (void)*map_by({kTableHere, kTableHere, page | entry::kAll, 0});
    return breach("the table was used");
}

Result behind_the_end(const Try& t) {
    const auto* channel = first(t, t.variant() == 0 ? guest::kReads : guest::kWrites);
    if (channel == nullptr) {
        return kMissing;
    }
    (void)*reinterpret_cast<volatile u64*>(channel->gpa + channel->size);
    return breach("the read came back");
}

Result lie(const Try& t) {
    const auto* out = first(t, guest::kWrites);
    if (out == nullptr) {
        return kMissing;
    }
    constexpr u64 kLies[] = {0, 1, 2, 0x7FFF'FFFF, 0xFFFF'FFFF, 0x1'0000'0000, ~0ULL - 1, ~0ULL};
    auto* words = reinterpret_cast<volatile u64*>(out->gpa);
    const u64 slot = guest::kChannelStride / 8;
    for (const u64 published : kLies) {
        for (const u64 number : kLies) {
            words[slot] = number;        // the first message's number
            words[slot + 1] = published; // its length
            words[1] = number;           // how much we say we have read
            words[0] = published;        // how many we say there are
            (void)guest::ring(out->index);
        }
    }
    return nothing("the reader takes care of itself");
}

Result flood_bell(const Try& t) {
    const auto* out = first(t, guest::kWrites);
    if (out == nullptr) {
        return kMissing;
    }
    for (u32 i = 0; i < 5'000; ++i) {
        if (!guest::ring(out->index)) {
            return breach("its own bell was denied");
        }
    }
    return nothing("nobody waited");
}

} // namespace septum::attacker::channels
