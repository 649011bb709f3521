// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/console.hpp"

namespace septum::kernel::core {

namespace {

void wait(ConsoleMux& mux, char c) {
    if (mux.waiting_last < sizeof(mux.waiting)) {
        mux.waiting[mux.waiting_last] = c;
        mux.waiting_last++;
    }
}

bool take_waiting(ConsoleMux& mux, char& out) {
    if (mux.waiting_first < mux.waiting_last && mux.waiting_first < sizeof(mux.waiting)) {
        out = mux.waiting[mux.waiting_first];
        mux.waiting_first++;
        return true;
    }
    mux.waiting_first = 0;
    mux.waiting_last = 0;
    return false;
}

constexpr u32 kLongLine = 1024; // characters without a line end that are passed on all the same

bool has_text(const ConsoleMux& mux, u32 source) {
    return source < ConsoleMux::kMaxSources && mux.rings[source] != nullptr && !empty(*mux.rings[source]);
}

// The source has added nothing for a while.
bool quiet(ConsoleMux& mux, u32 source, u64 now) {
    const u32 head = __atomic_load_n(&mux.rings[source]->head, __ATOMIC_ACQUIRE);
    if (head != mux.seen_head[source]) {
        mux.seen_head[source] = head;
        mux.seen_at[source] = now;
    }
    return now - mux.seen_at[source] >= mux.patience;
}

// The source has a whole line, or something that has waited long enough.
bool ready(ConsoleMux& mux, u32 source, u64 now) {
    if (!has_text(mux, source)) {
        return false;
    }
    const ConsoleRing& ring = *mux.rings[source];
    return __atomic_load_n(&ring.lines, __ATOMIC_RELAXED) != mux.lines_out[source] ||
           __atomic_load_n(&ring.head, __ATOMIC_ACQUIRE) - ring.tail >= kLongLine || quiet(mux, source, now);
}

// The next source after the current one that has something to say; `sources` when none has.
u32 find_source(ConsoleMux& mux, u64 now) {
    for (u32 i = 1; i <= ConsoleMux::kMaxSources; i++) {
        if (i > mux.sources) {
            break;
        }
        const u32 source = (mux.current + i) % mux.sources;
        if (ready(mux, source, now)) {
            return source;
        }
    }
    return mux.sources;
}

void begin_line(ConsoleMux& mux, u32 source) {
    mux.current = source;
    mux.middle = true;
    const char* name = source < ConsoleMux::kMaxSources ? mux.names[source] : nullptr;
    if (name == nullptr) {
        return;
    }
    wait(mux, '[');
    for (u32 i = 0; i < manifest::kNameSize; i++) {
        if (name[i] == 0) {
            break;
        }
        wait(mux, name[i]);
    }
    wait(mux, ']');
    wait(mux, ' ');
}

// What a guest may put on the shared line: text and tabs. Escape sequences could repaint other lines.
bool passes(char c) {
    const u8 code = static_cast<u8>(c);
    return (code >= 0x20 && code != 0x7F) || code == '\t';
}

} // namespace

bool next(ConsoleMux& mux, u64 now, char& out) {
    // At most one control character is skipped per ring slot, so this ends after the ring's capacity at the latest.
    for (u32 skipped = 0; skipped < ConsoleRing::kCapacity; skipped++) {
        if (take_waiting(mux, out)) {
            return true;
        }
        if (!mux.middle || !has_text(mux, mux.current)) {
            if (mux.middle && !quiet(mux, mux.current, now)) {
                return false; // the rest of this line is on its way
            }
            const u32 source = find_source(mux, now);
            if (source >= mux.sources) {
                return false;
            }
            if (!mux.middle || source != mux.current) {
                if (mux.middle) { // another one speaks: break the unfinished line
                    wait(mux, '\r');
                    wait(mux, '\n');
                }
                begin_line(mux, source);
                continue;
            }
        }
        const char c = pop(*mux.rings[mux.current]);
        if (c == '\n') {
            mux.lines_out[mux.current]++;
            mux.middle = false;
            wait(mux, '\n');
            out = '\r';
            return true;
        }
        if (passes(c)) {
            out = c;
            return true;
        }
    }
    return false;
}

} // namespace septum::kernel::core
