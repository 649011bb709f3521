// SPDX-License-Identifier: Apache-2.0
// The gateway's session against the vault's own arithmetic, over real channels, without partitions.
#include "partitions/gateway/session.hpp"
#include "partitions/vault/hmac.hpp"
#include "partitions/vault/key.hpp"

#include "septum_expected_answers.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace septum::gateway {
namespace {

constexpr u64 kSize = 64 * kKiB;

struct Channels {
    alignas(4096) u8 request[kSize] = {};
    alignas(4096) u8 answer[kSize] = {};
};

// Stands for everything outside the gateway: when the bell rings, the vault answers.
class Outside {
public:
    explicit Outside(Channels& channels)
        : requests_(channels.request, kSize, channels.answer), answers_(channels.answer, kSize, channels.request) {}

    template <typename... Parts>
    void say(const Parts&... parts) {
        guest::Line line;
        line.add(parts...);
        said.emplace_back(line.data(), line.size());
    }

    void ring() {
        u8 message[vault::kMaxRequest];
        for (;;) {
            const guest::Received request = requests_.receive(message, sizeof(message));
            if (request.status == guest::Received::Status::nothing) {
                return;
            }
            if (request.length == 0) {
                ++farewells;
                continue;
            }
            ++seen;
            if (deaf) {
                continue;
            }
            vault::Answer answer{};
            answer.request = request.number;
            vault::hmac_sha256(vault::kKey, sizeof(vault::kKey), message, request.length, answer.mac);
            if (seen == spoil) {
                answer.mac[31] ^= 1;
            }
            (void)answers_.send(&answer, sizeof(answer));
        }
    }

    bool wait(u32 step) { return step < 3; }

    std::vector<std::string> said;
    u32 seen = 0;
    u32 spoil = 0; // which answer to falsify; 0: none
    u32 farewells = 0;
    bool deaf = false;

private:
    guest::Receiver requests_;
    guest::Sender answers_;
};

Session<Outside> session_over(Outside& outside, Channels& c) {
    return {outside, guest::Sender(c.request, kSize, c.answer), guest::Receiver(c.answer, kSize, c.request)};
}

TEST(Messages, HaveEveryLengthClassAndStayInBounds) {
    std::set<u64> residues;
    for (u32 i = 0; i < kMessageCount; ++i) {
        u8 buffer[vault::kMaxRequest];
        const u64 length = make_message(i, buffer);
        ASSERT_GE(length, 1U);
        ASSERT_LE(length, vault::kMaxRequest);
        residues.insert(length % vault::kBlockSize);
    }
    EXPECT_EQ(residues.size(), vault::kBlockSize);
}

TEST(Session, VerifiesEveryAnswer) {
    Channels channels;
    Outside outside(channels);
    auto session = session_over(outside, channels);
    const Outcome outcome = session.run(kExpected);
    EXPECT_EQ(outcome.verified, kMessageCount);
    EXPECT_EQ(outcome.wrong + outcome.missing, 0U);
    EXPECT_EQ(outside.said.back(), "gateway: 200 of 200 answers verified");
    session.farewell();
    EXPECT_EQ(outside.farewells, 1U);
}

TEST(Session, SaysWhichAnswerIsWrong) {
    Channels channels;
    Outside outside(channels);
    outside.spoil = 18;
    auto session = session_over(outside, channels);
    const Outcome outcome = session.run(kExpected);
    EXPECT_EQ(outcome.wrong, 1U);
    EXPECT_EQ(outcome.verified, kMessageCount - 1);
    EXPECT_EQ(outside.said.front(), "gateway: answer 17 is wrong");
}

TEST(Session, GivesUpOnASilentVault) {
    Channels channels;
    Outside outside(channels);
    outside.deaf = true;
    auto session = session_over(outside, channels);
    const Outcome outcome = session.run(kExpected);
    EXPECT_EQ(outcome.verified, 0U);
    EXPECT_EQ(outside.said.back(), "gateway: 0 of 200 answers verified");
}

TEST(Session, IsNotConfusedByAnswersToAnEarlierLaunch) {
    Channels channels;
    Outside outside(channels);
    {
        guest::Sender stale(channels.request, kSize, channels.answer);
        for (int i = 0; i < 5; ++i) {
            ASSERT_NE(stale.send("old", 3), 0U);
        }
        outside.ring();
    }
    auto session = session_over(outside, channels);
    EXPECT_EQ(session.run(kExpected).verified, kMessageCount);
}

} // namespace
} // namespace septum::gateway
