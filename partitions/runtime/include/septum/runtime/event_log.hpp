// SPDX-License-Identifier: Apache-2.0
// Reading the event log, where the file grants it (`event-log: true`): elsewhere the first look is a fault.
#pragma once

#include <septum/guest/board.hpp>
#include <septum/guest/event_log.hpp>

namespace septum::guest {

class EventReader {
public:
    // `log`: as this partition sees it.
    explicit EventReader(const void* log = reinterpret_cast<const void*>(kEventLogBase))
        : log_(static_cast<const EventLog*>(log)), events_(reinterpret_cast<const Event*>(log_ + 1)) {}

    // Takes the oldest event not yet taken. False when there is none. What was overwritten before it was read is
    // counted in lost().
    [[nodiscard]] bool next(Event& event) {
        const u64 last = __atomic_load_n(&log_->last, __ATOMIC_ACQUIRE);
        const u64 capacity = log_->capacity;
        if (capacity == 0) {
            return false;
        }
        if (last > taken_ + capacity) {
            lost_ += last - capacity - taken_;
            taken_ = last - capacity;
        }
        while (taken_ < last) {
            const Event& source = events_[taken_ % capacity];
            taken_++;
            const u64 before = __atomic_load_n(&source.sequence, __ATOMIC_ACQUIRE);
            copy(event, source);
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (before == taken_ && __atomic_load_n(&source.sequence, __ATOMIC_RELAXED) == before) {
                return true;
            }
            lost_++; // overwritten while it was read
        }
        return false;
    }
    [[nodiscard]] u64 lost() const { return lost_; }
    [[nodiscard]] bool valid() const { return log_->magic == kEventLogMagic; }

private:
    // Word by word: the kernel may write behind us, and the compiler must not read twice.
    static void copy(Event& to, const Event& from) {
        const auto* source = reinterpret_cast<const volatile u64*>(&from);
        auto* target = reinterpret_cast<u64*>(&to);
        for (u32 i = 0; i < sizeof(Event) / 8; i++) {
            target[i] = source[i];
        }
    }

    const EventLog* log_;
    const Event* events_;
    u64 taken_ = 0;
    u64 lost_ = 0;
};

} // namespace septum::guest
