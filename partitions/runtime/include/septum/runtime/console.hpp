// SPDX-License-Identifier: Apache-2.0
// The partition's console: the virtual 16550 of septum/guest/board.hpp, written by polling.
#pragma once

#include <septum/runtime/line.hpp>

namespace septum::guest {

// Writes bytes. Waits a bounded time for each; a console that does not take them loses them, and never stops us.
void console_write(const char* bytes, u64 size);

// Reads the line status a bounded number of times, until all that was written has left. The partition's console is
// a buffer in the kernel, which has no thread of its own: it passes bytes on when we touch the console.
void console_drain();

// Says one line: the parts in order (text, numbers, Hex), then a newline, then waits until it is out.
template <typename... Parts>
void say(const Parts&... parts) {
    Line line;
    line.add(parts...).end();
    console_write(line.data(), line.size());
    console_drain();
}

} // namespace septum::guest
