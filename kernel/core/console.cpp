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

bool has_text(const ConsoleMux& mux, u32 source) {
    return source < ConsoleMux::kMaxSources && mux.rings[source] != nullptr && !empty(*mux.rings[source]);
}

// The next source after the current one that has something to say; `sources` when none has.
u32 find_source(const ConsoleMux& mux) {
    for (u32 i = 1; i <= ConsoleMux::kMaxSources; i++) {
        if (i > mux.sources) {
            break;
        }
        const u32 source = (mux.current + i) % mux.sources;
        if (has_text(mux, source)) {
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

bool next(ConsoleMux& mux, char& out) {
    // At most one control character is skipped per ring slot, so this ends after the ring's capacity at the latest.
    for (u32 skipped = 0; skipped < ConsoleRing::kCapacity; skipped++) {
        if (take_waiting(mux, out)) {
            return true;
        }
        if (!mux.middle || !has_text(mux, mux.current)) {
            const u32 source = find_source(mux);
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
