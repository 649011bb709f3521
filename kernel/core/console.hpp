// SPDX-License-Identifier: Apache-2.0
// Consoles on one line: a bounded ring per source, merged line by line with the source's name in front. A source can never
// wait, learn whether others speak, or speak in another's name: control characters do not pass.
#pragma once

#include <septum/manifest/manifest.hpp>
#include <septum/types.hpp>

namespace septum::kernel::core {

// One producer at a time, one consumer at a time; `head` and `tail` count bytes since launch and are used through __atomic
// builtins.
struct ConsoleRing {
    static constexpr u32 kCapacity = 8192 - 20;
    u32 head = 0;
    u32 tail = 0;
    u32 dropped = 0; // by the producer, since the last report
    u32 lock = 0;    // producers of one partition take turns
    u32 lines = 0;   // line ends appended since launch
    char data[kCapacity] = {};
};
static_assert(sizeof(ConsoleRing) == 8192);

// Appends one character, or counts it as dropped.
inline void push(ConsoleRing& ring, char c) {
    const u32 head = __atomic_load_n(&ring.head, __ATOMIC_RELAXED);
    const u32 tail = __atomic_load_n(&ring.tail, __ATOMIC_ACQUIRE);
    if (head - tail >= ConsoleRing::kCapacity) {
        ring.dropped++;
        return;
    }
    ring.data[head % ConsoleRing::kCapacity] = c;
    if (c == '\n') {
        __atomic_store_n(&ring.lines, ring.lines + 1, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&ring.head, head + 1, __ATOMIC_RELEASE);
}

inline bool empty(const ConsoleRing& ring) {
    return __atomic_load_n(&ring.head, __ATOMIC_ACQUIRE) == __atomic_load_n(&ring.tail, __ATOMIC_RELAXED);
}

inline char pop(ConsoleRing& ring) {
    const u32 tail = __atomic_load_n(&ring.tail, __ATOMIC_RELAXED);
    const char c = ring.data[tail % ConsoleRing::kCapacity];
    __atomic_store_n(&ring.tail, tail + 1, __ATOMIC_RELEASE);
    return c;
}

// The merge. `sources` rings, the last of them the kernel's own, which carries no name.
struct ConsoleMux {
    static constexpr u32 kMaxSources = manifest::kMaxPartitions + 1;
    ConsoleRing* rings[kMaxSources] = {};
    const char* names[kMaxSources] = {}; // null: no prefix
    u32 sources = 0;
    u32 current = 0;        // whose line is being written
    bool middle = false;    // of that line
    u64 patience = 0;       // ticks an unfinished line may rest before it is shown, or broken for another's
    u32 lines_out[kMaxSources] = {};
    u32 seen_head[kMaxSources] = {}; // where the ring's head was last seen to move, and when
    u64 seen_at[kMaxSources] = {};
    char waiting[manifest::kNameSize + 8] = {}; // characters to go out before the next one is looked for
    u32 waiting_first = 0;
    u32 waiting_last = 0;
};

// The next character for the wire at time `now` (ticks); false when there is nothing to send yet. Whole lines go first come
// first served; an unfinished one (a prompt) is shown once its source has been quiet for `patience`.
bool next(ConsoleMux& mux, u64 now, char& out);

} // namespace septum::kernel::core
