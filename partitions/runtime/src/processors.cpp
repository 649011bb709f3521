// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/processors.hpp>

#include "processor.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>
#include <septum/runtime/apic.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/cpu.hpp>

extern "C" {
// x86_64/trampoline.S: position-dependent, for kTrampoline. The three words behind it are filled in for each start.
extern const septum::u8 septum_guest_trampoline[];
extern const septum::u8 septum_guest_trampoline_end[];
[[noreturn]] void septum_guest_processor(septum::u64 number);
}

namespace septum::guest {

Processor processors[kMostProcessors];

namespace {

struct Parameters {
    u64 cr3;
    u64 stack;
    u64 number;
    u64 entry;
};

constexpr u64 kStack = 16384;
alignas(16) u8 stacks[kMostProcessors][kStack];
void (*functions[kMostProcessors])(u32);
u32 up[kMostProcessors]; // counts starts that have reached C++

} // namespace

bool start_processor(u32 n, void (*function)(u32 n)) {
    const auto* info = reinterpret_cast<const Info*>(kInfoBase);
    if (n == 0 || n >= info->cpu_count || n >= kMostProcessors) {
        return false;
    }
    const u64 size = static_cast<u64>(septum_guest_trampoline_end - septum_guest_trampoline);
    auto* page = reinterpret_cast<volatile u8*>(kTrampoline);
    for (u64 i = 0; i < size; ++i) {
        page[i] = septum_guest_trampoline[i];
    }
    auto* parameters = reinterpret_cast<volatile Parameters*>(kTrampoline + size - sizeof(Parameters));
    parameters->cr3 = cpu::read_cr3();
    parameters->stack = reinterpret_cast<u64>(stacks[n]) + kStack;
    parameters->number = n;
    parameters->entry = reinterpret_cast<u64>(septum_guest_processor);
    __atomic_store_n(&functions[n], function, __ATOMIC_RELEASE);
    const u32 before = __atomic_load_n(&up[n], __ATOMIC_ACQUIRE);
    apic::command(info->apic_ids[n], apic::kInit | apic::kAssert);
    apic::command(info->apic_ids[n], apic::kStartup | apic::kAssert | kTrampoline / kPageSize);
    const u64 patience = 10 * tsc_hz(); // seconds: an emulated CPU may have to wait for its turn
    const u64 begin = cpu::timestamp();
    while (__atomic_load_n(&up[n], __ATOMIC_ACQUIRE) == before) {
        if (cpu::timestamp() - begin > patience) {
            return false;
        }
        cpu::pause();
    }
    return true;
}

u32 this_processor() {
    return static_cast<u32>(processor().number);
}

} // namespace septum::guest

void septum_guest_processor(septum::u64 number) {
    using namespace septum::guest;
    const auto n = static_cast<septum::u32>(number);
    load_tables(n);
    apic::enable();
    __atomic_add_fetch(&up[n], 1U, __ATOMIC_ACQ_REL);
    __atomic_load_n(&functions[n], __ATOMIC_ACQUIRE)(n);
    for (;;) {
        cpu::interrupts_off();
        asm volatile("hlt" : : : "memory");
    }
}
