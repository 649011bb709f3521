// SPDX-License-Identifier: Apache-2.0
// Messages over a one-way shared-memory channel. Used by native partitions and by Linux programs alike: it needs the
// memory mapped, nothing else.
//
// A channel is written by one partition and read-only to the other, so a reader cannot say in it how far it has read.
// It says that in the header of *its own* outgoing channel, if there is one. Layout, in strides of 2 KiB:
//   stride 0    Header { published, consumed }
//   stride 1…   Slot   { number, length, data }; message n (from 1 on) lies in slot (n − 1) mod slots
// With a back-channel the writer stops when all slots are unread; without one it overwrites the oldest, and the reader
// sees from the numbers that it lost some. Numbers never start again: a restarted writer goes on where it was, and a
// restarted reader too, each by what it wrote into its own channel.
//
// Neither side trusts the other: every value read from shared memory is read once, checked, and only the copy used.
// Geometry is never read from memory: both ends compute it from the channel's size.
#pragma once

#include <septum/types.hpp>

namespace septum::guest {

inline constexpr u64 kChannelStride = 2048;
inline constexpr u64 kMaxMessage = kChannelStride - 16; // bytes
inline constexpr u64 kSmallestChannel = 2 * kChannelStride;

namespace channel_layout {

struct Header {
    u64 published; // messages ever sent through this channel
    u64 consumed;  // messages its writer has ever taken from the channel in the other direction
};

struct Slot {
    u64 number; // 0 while it is being written
    u32 length; // bytes
    u32 reserved;
    u8 data[kMaxMessage];
};
static_assert(sizeof(Slot) == kChannelStride);

inline constexpr u64 slots(u64 channel_size) {
    return channel_size / kChannelStride - 1;
}

inline u64 load(const u64& word) {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
inline void store(u64& word, u64 value) {
    __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

// Both directions copy through volatile: the other side may touch the memory at any time, and the compiler must
// neither read twice nor invent accesses.
inline void copy_out(u8* to, const volatile u8* from, u64 size) {
    for (u64 i = 0; i < size; ++i) {
        to[i] = from[i];
    }
}
inline void copy_in(volatile u8* to, const u8* from, u64 size) {
    for (u64 i = 0; i < size; ++i) {
        to[i] = from[i];
    }
}

} // namespace channel_layout

// The writing end. One per channel.
class Sender {
public:
    // `memory`: the channel, `size` bytes (≥ kSmallestChannel), page aligned, zero or as an earlier Sender left it.
    // `back`: the channel in the other direction, if there is one, as this partition sees it (read-only will do).
    Sender(void* memory, u64 size, const void* back)
        : header_(static_cast<channel_layout::Header*>(memory)),
          slots_(reinterpret_cast<channel_layout::Slot*>(static_cast<u8*>(memory) + kChannelStride)),
          count_(channel_layout::slots(size)), back_(static_cast<const channel_layout::Header*>(back)),
          published_(channel_layout::load(header_->published)) {}

    // Sends one message. Returns its number, or 0: too long, or every slot is still unread.
    [[nodiscard]] u64 send(const void* data, u64 size) {
        using namespace channel_layout;
        if (size > kMaxMessage || (back_ != nullptr && unread() >= count_)) {
            return 0;
        }
        Slot& slot = slots_[published_ % count_];
        const u64 number = published_ + 1;
        store(slot.number, 0); // a reader in the middle of the old message shall notice
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        *const_cast<volatile u32*>(&slot.length) = static_cast<u32>(size);
        copy_in(slot.data, static_cast<const u8*>(data), size);
        store(slot.number, number);
        store(header_->published, number);
        published_ = number;
        return number;
    }

    [[nodiscard]] u64 published() const { return published_; }

private:
    // What the reader says it has not read yet. It may say anything: then it loses messages, and we lose nothing.
    [[nodiscard]] u64 unread() const {
        const u64 consumed = channel_layout::load(back_->consumed);
        return consumed <= published_ ? published_ - consumed : published_;
    }

    channel_layout::Header* header_;
    channel_layout::Slot* slots_;
    u64 count_;
    const channel_layout::Header* back_;
    u64 published_;
};

struct Received {
    enum class Status : u8 {
        nothing, // no message waits
        message, // `length` bytes are in the buffer
        damaged, // the writer broke the protocol, or the message is longer than the buffer: skipped
        lost,    // `lost` messages were overwritten before they were read
    };
    Status status = Status::nothing;
    u32 length = 0;
    u64 number = 0; // the message's
    u64 lost = 0;
};

// The reading end. One per channel.
class Receiver {
public:
    // `memory`: the channel, as above; read-only will do. `own`: this partition's channel in the other direction, into
    // whose header it writes how far it has read; null if there is none.
    Receiver(const void* memory, u64 size, void* own)
        : header_(static_cast<const channel_layout::Header*>(memory)),
          slots_(reinterpret_cast<const channel_layout::Slot*>(static_cast<const u8*>(memory) + kChannelStride)),
          count_(channel_layout::slots(size)), own_(static_cast<channel_layout::Header*>(own)),
          consumed_(own_ == nullptr ? 0 : channel_layout::load(own_->consumed)) {}

    // Takes the next message, if any, into `buffer`. Work is bounded by the message's size whatever the writer does.
    [[nodiscard]] Received receive(u8* buffer, u64 capacity) {
        using namespace channel_layout;
        const u64 published = load(header_->published);
        if (published < consumed_) {
            consumed_ = 0; // the channel's memory was cleared: the writer began anew
        }
        if (published == consumed_) {
            return {};
        }
        const u64 waiting = published - consumed_;
        if (waiting > count_) {
            return skip(Received::Status::lost, waiting - count_);
        }
        const u64 number = consumed_ + 1;
        const Slot& slot = slots_[consumed_ % count_];
        if (load(slot.number) != number) {
            return skip(Received::Status::lost, 1);
        }
        const u32 length = *const_cast<const volatile u32*>(&slot.length); // once: it may change behind us
        if (length > kMaxMessage || length > capacity) {
            return skip(Received::Status::damaged, 1);
        }
        copy_out(buffer, slot.data, length);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (load(slot.number) != number) {
            return skip(Received::Status::lost, 1); // overwritten while we copied
        }
        consume(1);
        return {Received::Status::message, length, number, 0};
    }

private:
    void consume(u64 messages) {
        consumed_ += messages;
        if (own_ != nullptr) {
            channel_layout::store(own_->consumed, consumed_);
        }
    }

    Received skip(Received::Status status, u64 messages) {
        consume(messages);
        return {status, 0, consumed_, messages};
    }

    const channel_layout::Header* header_;
    const channel_layout::Slot* slots_;
    u64 count_;
    channel_layout::Header* own_;
    u64 consumed_;
};

} // namespace septum::guest
