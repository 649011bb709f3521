// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.hpp"

#include "build/image/scratch.hpp"
#include "cli/exit_code.hpp"

#include <algorithm>
#include <csignal>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <vector>

namespace septum::cli {

struct Undo::Entry {
    std::function<void()> action;
};

namespace {

std::mutex mutex; // held for good once the program is on its way out

std::vector<std::function<void()>*>& actions() {
    static std::vector<std::function<void()>*> all;
    return all;
}

sigset_t signals_watched() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&set, number);
    return set;
}

void forget(std::function<void()>* action) {
    std::erase(actions(), action);
}

} // namespace

void watch_for_interrupts() {
    std::signal(SIGPIPE, SIG_IGN);
    const sigset_t set = signals_watched();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr); // in every thread: those started later inherit it
    std::thread([set] {
        int number = 0;
        while (::sigwait(&set, &number) != 0)
            continue;
        mutex.lock();
        std::for_each(actions().rbegin(), actions().rend(), [](auto* action) { (*action)(); });
        build::abandon_scratch();
        ::_exit(kInterrupted);
    }).detach();
}

void forget_interrupts_in_child() {
    ::signal(SIGPIPE, SIG_DFL);
    const sigset_t set = signals_watched();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Undo::Undo(const std::function<std::function<void()>()>& begin) : entry_(std::make_shared<Entry>()) {
    const std::lock_guard lock(mutex);
    entry_->action = begin();
    if (entry_->action)
        actions().push_back(&entry_->action);
}

Undo::Undo(Undo&& other) noexcept : entry_(std::move(other.entry_)) {
    other.entry_.reset();
}

Undo::~Undo() {
    if (entry_ == nullptr)
        return;
    const std::lock_guard lock(mutex);
    forget(&entry_->action);
}

void Undo::dismiss(const std::function<void()>& last) {
    const std::lock_guard lock(mutex);
    last();
    if (entry_ != nullptr)
        forget(&entry_->action);
    entry_.reset();
}

} // namespace septum::cli
