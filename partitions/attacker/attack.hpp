// SPDX-License-Identifier: Apache-2.0
// An attack is a function that tries one thing. Each runs in a launch of its own, so nothing of an earlier one is left.
// attacks.def lists them all.
#pragma once

#include <septum/runtime/console.hpp>
#include <septum/runtime/partition.hpp>
#include <septum/runtime/processors.hpp>

namespace septum::attacker {

// What an attack came back with.
struct Result {
    bool gained;
    const char* how;
};
constexpr Result nothing(const char* how) {
    return {false, how};
}
constexpr Result breach(const char* how) {
    return {true, how};
}

class Try {
public:
    Try(const guest::Launch& launch, u32 variant) : launch_(launch), variant_(variant) {}

    [[nodiscard]] const guest::Info& info() const { return launch_.info; }

    // Which of its lives this is, from 0 on.
    [[nodiscard]] u32 variant() const { return variant_; }

    // Says more about this try. The boot CPU only: a line is one CPU's.
    template <typename... Parts>
    void note(const Parts&... parts) const {
        if (guest::this_processor() == 0) {
            guest::say(info().name, ": try ", launch_.count + 1, ": ", parts...);
        }
    }

    // The n-th of the APIC ids 0, 1, 2 … that is not one of this partition's.
    [[nodiscard]] u32 foreign_cpu(u32 n) const {
        for (u32 id = 0;; ++id) {
            bool own = false;
            for (u32 i = 0; i < info().cpu_count; ++i) {
                own = own || info().apic_ids[i] == id;
            }
            if (!own) {
                if (n == 0) {
                    return id;
                }
                --n;
            }
        }
    }

private:
    const guest::Launch& launch_;
    u32 variant_;
};

#define ATTACK(area, name, cpus, demo, lives, expect, words, what)                                                     \
    namespace area {                                                                                                   \
    Result name(const Try&);                                                                                           \
    }
#include "partitions/attacker/attacks.def"
#undef ATTACK

} // namespace septum::attacker
