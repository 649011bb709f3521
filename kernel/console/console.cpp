// SPDX-License-Identifier: Apache-2.0
#include "kernel/console/console.hpp"

#include "kernel/hw/control.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/hw/uart.hpp"
#include "kernel/log.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"

namespace septum::kernel {

namespace console {

constinit core::ConsoleMux mux;
constinit core::ConsoleRing kernel_ring;

namespace {

constinit u32 drain_lock = 0;
constinit u32 drain_wanted = 0;
constinit const PerCpu* helper = nullptr;

constexpr u32 kBurst = 16;       // the FIFO's depth: what an empty transmitter takes at once
constexpr u32 kBursts = 16;      // at one go
constexpr u32 kRounds = 64;      // per call of drain()

bool try_lock(u32& lock) { return __atomic_exchange_n(&lock, 1u, __ATOMIC_ACQUIRE) == 0; }
void unlock(u32& lock) { __atomic_store_n(&lock, 0u, __ATOMIC_RELEASE); }

// Holders do a few stores with interrupts and NMI held off, so this wait is short; it is bounded all the same, by more than an
// emulated CPU is ever kept from running: what is not put is lost.
bool lock_ring(core::ConsoleRing& ring) {
    for (u32 i = 0; i < 20'000'000; i++) {
        if (try_lock(ring.lock)) {
            return true;
        }
        hw::pause();
    }
    return false;
}

void pass_on() {
    for (u32 burst = 0; burst < kBursts && hw::uart_ready(); burst++) {
        char c = 0;
        u32 sent = 0;
        while (sent < kBurst && core::next(mux, hw::read_tsc(), c)) {
            hw::uart_send(c);
            sent++;
        }
        if (sent < kBurst) {
            break;
        }
    }
}

bool anything_left() {
    for (u32 i = 0; i < mux.sources; i++) {
        if (mux.rings[i] != nullptr && !core::empty(*mux.rings[i])) {
            return true;
        }
    }
    return mux.waiting_first < mux.waiting_last;
}

} // namespace

void put(core::ConsoleRing& ring, char c) {
    if (!lock_ring(ring)) {
        return;
    }
    if (ring.dropped != 0 && ring.head - ring.tail < core::ConsoleRing::kCapacity / 2) { // room again: say what is missing
        Line line;
        line << "\n(" << u64{ring.dropped} << " characters dropped)\n";
        ring.dropped = 0;
        line.for_each([&ring](char text) { core::push(ring, text); });
    }
    core::push(ring, c);
    unlock(ring.lock);
}

void write_kernel(const char* text, u32 length) {
    if (lock_ring(kernel_ring)) {
        for (u32 i = 0; i < length; i++) {
            core::push(kernel_ring, text[i]);
        }
        core::push(kernel_ring, '\n');
        unlock(kernel_ring.lock);
    }
    drain();
}

// Whoever finds another CPU at it leaves its wish behind, before it looks at the lock; whoever has been at it looks for wishes
// once the lock is free. What cannot go out yet (the UART is slow, another's line is unfinished) is left to a CPU that rests, if
// there is one. So nobody's text waits for an exit that may never come.
void drain() {
    __atomic_store_n(&drain_wanted, 1u, __ATOMIC_SEQ_CST);
    for (u32 round = 0; round < kRounds && __atomic_load_n(&drain_wanted, __ATOMIC_SEQ_CST) != 0; round++) {
        if (!try_lock(drain_lock)) {
            return;
        }
        __atomic_store_n(&drain_wanted, 0u, __ATOMIC_SEQ_CST);
        pass_on();
        __atomic_store_n(&drain_lock, 0u, __ATOMIC_SEQ_CST);
    }
    const PerCpu* const cpu = anything_left() ? __atomic_exchange_n(&helper, nullptr, __ATOMIC_SEQ_CST) : nullptr;
    if (cpu != nullptr) {
        apic::send(cpu->header->apic, cpu->cpu->apic_id, apic::kDeliverNmi);
    }
}

void offer_help(const PerCpu& cpu) { __atomic_store_n(&helper, &cpu, __ATOMIC_SEQ_CST); }

bool flush(u32 rounds) {
    for (u32 round = 0; round < rounds; round++) {
        if (!anything_left()) {
            return true;
        }
        drain();
        hw::pause();
    }
    return false;
}

} // namespace console

void Line::send() {
    console::write_kernel(text_, length_);
}

void Line::send_now() const {
    for (u32 i = 0; i < length_; i++) {
        hw::uart_put(text_[i]);
    }
    hw::uart_put('\r');
    hw::uart_put('\n');
}

} // namespace septum::kernel
