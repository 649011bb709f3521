// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/console.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace septum::kernel::core {

struct Console : testing::Test {
    std::unique_ptr<ConsoleRing[]> rings = std::make_unique<ConsoleRing[]>(3);
    std::unique_ptr<ConsoleMux> mux = std::make_unique<ConsoleMux>();
    u64 now = 1000;

    Console() {
        mux->rings[0] = &rings[0];
        mux->rings[1] = &rings[1];
        mux->rings[2] = &rings[2];
        mux->names[0] = "alpha";
        mux->names[1] = "beta";
        mux->sources = 3;
        mux->current = 2;
        mux->patience = 100;
    }
    void say(u32 source, const std::string& text) {
        for (const char c : text) {
            push(rings[source], c);
        }
    }
    std::string hear() {
        std::string text;
        char c = 0;
        while (next(*mux, now, c)) {
            text += c;
        }
        return text;
    }
};

TEST_F(Console, WholeLinesWithTheirNames) {
    say(0, "one\ntwo\n");
    say(1, "three\n");
    say(2, "septum: kernel\n");
    const std::string heard = hear();
    EXPECT_NE(heard.find("[alpha] one\r\n"), std::string::npos);
    EXPECT_NE(heard.find("[alpha] two\r\n"), std::string::npos);
    EXPECT_NE(heard.find("[beta] three\r\n"), std::string::npos);
    EXPECT_NE(heard.find("\nseptum: kernel\r\n"), std::string::npos);
}

TEST_F(Console, AnUnfinishedLineWaitsForItsEnd) {
    say(0, "hal");
    EXPECT_EQ(hear(), "");
    say(1, "whole\n");
    EXPECT_EQ(hear(), "[beta] whole\r\n");
    say(0, "f\n");
    EXPECT_EQ(hear(), "[alpha] half\r\n");
}

TEST_F(Console, APromptIsShownOnceItsSourceIsQuiet) {
    say(0, "login: ");
    EXPECT_EQ(hear(), "");
    now += 200;
    EXPECT_EQ(hear(), "[alpha] login: ");
    say(1, "news\n");
    EXPECT_EQ(hear(), "\r\n[beta] news\r\n"); // alpha is still quiet: its line is broken
    say(0, "root\n");
    EXPECT_EQ(hear(), "[alpha] root\r\n");
}

TEST_F(Console, NobodySpeaksInAnothersName) {
    say(1, "x\r[alpha] forged\n\x1b[2K\x1b[1A[alpha] forged\n\x7f\b\v");
    const std::string heard = hear();
    EXPECT_EQ(heard.find("\n[alpha]"), std::string::npos);
    EXPECT_EQ(heard.find('\x1b'), std::string::npos);
    EXPECT_EQ(heard.rfind("[beta] x[alpha] forged\r\n[beta] [2K", 0), 0u);
}

TEST_F(Console, OverflowIsCountedNotWaitedFor) {
    for (u32 i = 0; i < 20'000; i++) {
        push(rings[0], 'a');
    }
    EXPECT_EQ(rings[0].dropped, 20'000 - ConsoleRing::kCapacity);
    EXPECT_EQ(hear().size(), ConsoleRing::kCapacity + sizeof("[alpha] ") - 1);
}

TEST_F(Console, ControlCharactersAloneEnd) {
    for (u32 i = 0; i < 8000; i++) {
        push(rings[0], '\x01');
    }
    now += 200;
    EXPECT_EQ(hear(), "[alpha] ");
}

} // namespace septum::kernel::core
