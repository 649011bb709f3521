// SPDX-License-Identifier: Apache-2.0
// Ctrl-C leaves nothing behind: no half file, no temporary folder, no emulator.
#pragma once

#include <functional>
#include <memory>

namespace septum::cli {

// Starts the thread that waits for SIGINT, SIGTERM and SIGHUP; call it before anything else. On one of them it runs
// what Undo objects hold, newest first, and ends the program with kInterrupted. SIGPIPE is ignored: writing says so.
void watch_for_interrupts();

// Restores in a forked child what watch_for_interrupts() changed, before exec. Async-signal-safe.
void forget_interrupts_in_child();

// Something to undo if the program is interrupted while this object lives. `action` runs on another thread.
class Undo {
public:
    // Runs `begin` as one step with remembering what it returns: how to undo it. Nothing is remembered for an empty
    // one.
    explicit Undo(const std::function<std::function<void()>()>& begin);
    Undo(Undo&&) noexcept;
    Undo& operator=(Undo&&) = delete;
    ~Undo();

    // Runs `last` as one step with forgetting the action: an interrupt comes before or after both.
    void dismiss(const std::function<void()>& last);

private:
    struct Entry;
    std::shared_ptr<Entry> entry_; // null when moved from or dismissed
};

} // namespace septum::cli
