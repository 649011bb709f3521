// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/channel.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace septum::guest {
namespace {

using channel_layout::Header;
using channel_layout::Slot;

constexpr u64 kSize = 4 * kChannelStride; // three slots

struct Memory {
    alignas(4096) u8 bytes[kSize] = {};

    Header& header() { return *reinterpret_cast<Header*>(bytes); }
    Slot& slot(u64 i) { return reinterpret_cast<Slot*>(bytes + kChannelStride)[i]; }
};

// A pair of channels, as the writer of `there` and its reader share them.
struct Pair {
    Memory there;
    Memory back;

    Sender sender() { return {there.bytes, kSize, back.bytes}; }
    Receiver receiver() { return {there.bytes, kSize, back.bytes}; }
};

u64 send(Sender& sender, const std::string& text) {
    return sender.send(text.data(), text.size());
}

struct Taken {
    Received::Status status;
    std::string text;
    u64 number;
    u64 lost;
};

Taken take(Receiver& receiver, u64 capacity = kMaxMessage) {
    std::vector<u8> buffer(capacity);
    const Received r = receiver.receive(buffer.data(), capacity);
    return {r.status, std::string(buffer.begin(), buffer.begin() + r.length), r.number, r.lost};
}

TEST(Channel, IsEmptyWhenItsMemoryIsZero) {
    Pair pair;
    Receiver receiver = pair.receiver();
    EXPECT_EQ(take(receiver).status, Received::Status::nothing);
}

TEST(Channel, CarriesMessagesInOrderWithTheirNumbers) {
    Pair pair;
    Sender sender = pair.sender();
    Receiver receiver = pair.receiver();
    EXPECT_EQ(send(sender, "one"), 1U);
    EXPECT_EQ(send(sender, ""), 2U);
    const Taken first = take(receiver);
    EXPECT_EQ(first.text, "one");
    EXPECT_EQ(first.number, 1U);
    const Taken second = take(receiver);
    EXPECT_EQ(second.status, Received::Status::message);
    EXPECT_EQ(second.text, "");
    EXPECT_EQ(take(receiver).status, Received::Status::nothing);
}

TEST(Channel, CarriesTheLongestMessageAndRefusesALongerOne) {
    Pair pair;
    Sender sender = pair.sender();
    Receiver receiver = pair.receiver();
    const std::string longest(kMaxMessage, 'z');
    EXPECT_EQ(send(sender, longest + "z"), 0U);
    EXPECT_EQ(send(sender, longest), 1U);
    EXPECT_EQ(take(receiver).text, longest);
}

TEST(Channel, StopsTheWriterWhenAllSlotsAreUnread) {
    Pair pair;
    Sender sender = pair.sender();
    Receiver receiver = pair.receiver();
    for (u64 n = 1; n <= 3; ++n) {
        EXPECT_EQ(send(sender, "m"), n);
    }
    EXPECT_EQ(send(sender, "m"), 0U);
    EXPECT_EQ(take(receiver).number, 1U);
    EXPECT_EQ(send(sender, "m"), 4U);
}

TEST(Channel, WithoutBackChannelOverwritesAndTheReaderCountsTheLoss) {
    Memory memory;
    Sender sender(memory.bytes, kSize, nullptr);
    Receiver receiver(memory.bytes, kSize, nullptr);
    for (u64 n = 1; n <= 5; ++n) {
        EXPECT_EQ(send(sender, std::string(1, static_cast<char>('0' + n))), n);
    }
    const Taken lost = take(receiver);
    EXPECT_EQ(lost.status, Received::Status::lost);
    EXPECT_EQ(lost.lost, 2U);
    EXPECT_EQ(take(receiver).text, "3");
    EXPECT_EQ(take(receiver).text, "4");
    EXPECT_EQ(take(receiver).text, "5");
    EXPECT_EQ(take(receiver).status, Received::Status::nothing);
}

TEST(Channel, ARestartedWriterGoesOnWhereItWas) {
    Pair pair;
    Receiver receiver = pair.receiver();
    Sender first = pair.sender();
    EXPECT_EQ(send(first, "a"), 1U);
    EXPECT_EQ(take(receiver).text, "a");
    Sender second = pair.sender();
    EXPECT_EQ(send(second, "b"), 2U);
    EXPECT_EQ(take(receiver).text, "b");
}

TEST(Channel, ARestartedReaderTakesWhatItsForerunnerLeft) {
    Pair pair;
    Sender sender = pair.sender();
    EXPECT_EQ(send(sender, "a"), 1U);
    EXPECT_EQ(send(sender, "b"), 2U);
    Receiver first = pair.receiver();
    EXPECT_EQ(take(first).text, "a");
    Receiver second = pair.receiver();
    EXPECT_EQ(take(second).text, "b");
}

TEST(Channel, AWriterWhoseMemoryWasClearedIsUnderstood) {
    Pair pair;
    Receiver receiver = pair.receiver();
    Sender first = pair.sender();
    EXPECT_EQ(send(first, "a"), 1U);
    EXPECT_EQ(send(first, "b"), 2U);
    EXPECT_EQ(take(receiver).text, "a");
    EXPECT_EQ(take(receiver).text, "b");
    std::memset(pair.there.bytes, 0, kSize);
    Sender second = pair.sender();
    EXPECT_EQ(send(second, "c"), 1U);
    EXPECT_EQ(take(receiver).text, "c");
}

// What a hostile writer may do to a reader.

TEST(Channel, ALengthBeyondTheSlotIsRefused) {
    Pair pair;
    Sender sender = pair.sender();
    Receiver receiver = pair.receiver();
    EXPECT_EQ(send(sender, "a"), 1U);
    pair.there.slot(0).length = ~0U;
    EXPECT_EQ(take(receiver).status, Received::Status::damaged);
    EXPECT_EQ(take(receiver).status, Received::Status::nothing);
}

TEST(Channel, ALengthBeyondTheBufferIsRefused) {
    Pair pair;
    Sender sender = pair.sender();
    Receiver receiver = pair.receiver();
    EXPECT_EQ(send(sender, "four"), 1U);
    EXPECT_EQ(send(sender, "ok"), 2U);
    EXPECT_EQ(take(receiver, 3).status, Received::Status::damaged);
    EXPECT_EQ(take(receiver, 3).text, "ok");
}

TEST(Channel, AWildCountCostsTheReaderOneStep) {
    Pair pair;
    Sender sender = pair.sender();
    Receiver receiver = pair.receiver();
    EXPECT_EQ(send(sender, "a"), 1U);
    pair.there.header().published = ~u64{0};
    const Taken lost = take(receiver);
    EXPECT_EQ(lost.status, Received::Status::lost);
    EXPECT_EQ(lost.lost, ~u64{0} - 3);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(take(receiver).status, Received::Status::lost);
    }
    EXPECT_EQ(take(receiver).status, Received::Status::nothing);
}

TEST(Channel, ASlotWithAnotherNumberIsLostNotRead) {
    Pair pair;
    Sender sender = pair.sender();
    Receiver receiver = pair.receiver();
    EXPECT_EQ(send(sender, "a"), 1U);
    pair.there.slot(0).number = 77;
    EXPECT_EQ(take(receiver).status, Received::Status::lost);
}

// What a hostile reader may do to a writer.
TEST(Channel, AReaderThatClaimsTooMuchDoesNotStopTheWriterNorDriveItOut) {
    Pair pair;
    Sender sender = pair.sender();
    pair.back.header().consumed = ~u64{0};
    for (u64 n = 1; n <= 3; ++n) {
        EXPECT_EQ(send(sender, "m"), n);
    }
    EXPECT_EQ(send(sender, "m"), 0U);
    EXPECT_EQ(pair.there.slot(2).number, 3U);
}

TEST(Channel, TheSmallestChannelHasOneSlot) {
    alignas(4096) u8 there[kSmallestChannel] = {};
    alignas(4096) u8 back[kSmallestChannel] = {};
    Sender sender(there, sizeof(there), back);
    Receiver receiver(there, sizeof(there), back);
    for (u64 n = 1; n <= 4; ++n) {
        EXPECT_EQ(send(sender, "x"), n);
        EXPECT_EQ(send(sender, "x"), 0U);
        EXPECT_EQ(take(receiver).number, n);
    }
}

TEST(Channel, CarriesManyMessagesBetweenThreads) {
    constexpr u64 kMessages = 20'000;
    Pair pair;
    std::thread writer([&pair] {
        Sender sender = pair.sender();
        for (u64 n = 1; n <= kMessages; ++n) {
            const std::string text(n % 97, static_cast<char>('a' + n % 26));
            while (send(sender, text) == 0) {
                std::this_thread::yield();
            }
        }
    });
    Receiver receiver = pair.receiver();
    u64 wrong = 0;
    for (u64 n = 1; n <= kMessages;) {
        const Taken taken = take(receiver);
        if (taken.status == Received::Status::nothing) {
            std::this_thread::yield();
            continue;
        }
        wrong += taken.number != n || taken.text != std::string(n % 97, static_cast<char>('a' + n % 26)) ? 1 : 0;
        ++n;
    }
    writer.join();
    EXPECT_EQ(wrong, 0U);
}

} // namespace
} // namespace septum::guest
