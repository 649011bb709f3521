// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/processors.hpp"

#include <septum/manifest/layout.hpp>

#include "kernel/boot/bundle.hpp"
#include "kernel/boot/clock.hpp"
#include "kernel/boot/cpu.hpp"
#include "kernel/boot/exceptions.hpp"
#include "kernel/boot/local_apic.hpp"
#include "kernel/boot/mtrr.hpp"
#include "kernel/boot/refuse.hpp"
#include "kernel/boot/wiring.hpp"
#include "kernel/hw/control.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/msr.hpp"
#include "kernel/percpu.hpp"
#include "kernel/resident.hpp"

extern "C" const septum::u8 trampoline_begin[], trampoline_end[];
extern "C" [[noreturn]] void enter_resident(septum::kernel::PerCpu* own, septum::u64 stack);

namespace septum::kernel::boot {

namespace {

constexpr u64 kStartupPause = 200;           // microseconds between the two SIPIs (SDM 3 §9.4.4)
constexpr u64 kAnswerTime = 2'000'000;       // microseconds a stated CPU has to check in
constexpr u64 kStragglerTime = 200'000;      // microseconds, at least, in which a CPU that nobody stated would have
constexpr u8 kParked[] = {0xF4, 0xEB, 0xFD}; // hlt; jmp back: for whoever wakes up after the page was wiped

const manifest::Header* description = nullptr;
bool answered[manifest::kMaxCpus]; // by index
u32 answers = 0;
bool go = false;

u64 stack_of(const manifest::Header& header, u32 index) {
    return records<manifest::Cpu>(header, header.cpus)[index].block.value + layout::CpuBlock::kStackTop;
}

u32 answers_now() {
    return __atomic_load_n(&answers, __ATOMIC_ACQUIRE);
}

// Until as many have checked in, but no longer than `ticks` of the TSC. Gives how long it took.
u64 wait_for_answers(u32 count, u64 ticks) {
    const u64 start = hw::read_tsc();
    while (answers_now() < count && hw::read_tsc() - start < ticks) {
        stop_if_refused();
        hw::pause();
    }
    stop_if_refused();
    return hw::read_tsc() - start;
}

Refusal check_answers(const manifest::Header& header, u32 own_index) {
    const auto cpus = records<manifest::Cpu>(header, header.cpus);
    for (u32 i = 0; i < cpus.count; i++) {
        if (i != own_index && !__atomic_load_n(&answered[i], __ATOMIC_ACQUIRE)) {
            return {Code::cpu_set, Value::text("apic id"), Value::decimal(cpus[i].apic_id),
                    Value::text("a CPU that starts"), Value::text("no answer")};
        }
    }
    return kHolds;
}

void place_trampoline(Hpa page) {
    hw::scrub(page, kPageSize);
    memcpy(hw::at<u8>(page), trampoline_begin, static_cast<u64>(trampoline_end - trampoline_begin));
}

void wipe_trampoline(Hpa page) {
    hw::scrub(page, kPageSize);
    memcpy(hw::at<u8>(page), kParked, sizeof kParked);
}

} // namespace

Refusal find_cpu(const manifest::Header& header, u32 apic_id, u32& index) {
    const auto cpus = records<manifest::Cpu>(header, header.cpus);
    for (index = 0; index < cpus.count; index++) {
        if (cpus[index].apic_id == apic_id) {
            return kHolds;
        }
    }
    return {Code::cpu_set, Value::text("apic id"), Value::decimal(apic_id), Value::text("no CPU"), Value::text("one")};
}

Refusal start_processors(const manifest::Header& header, u64& tsc_hz) {
    u32 own_index = 0;
    SEPTUM_REQUIRE(find_cpu(header, read_apic_id(), own_index));
    description = &header;
    keep_mtrrs();
    place_trampoline(header.trampoline);

    send_init(header.apic);
    now_doing("clock");
    SEPTUM_REQUIRE(measure_tsc(tsc_hz)); // ten milliseconds: the pause that INIT asks for
    send_startup(header.apic, header.trampoline);
    wait_microseconds(kStartupPause, tsc_hz);
    send_startup(header.apic, header.trampoline);

    const u64 microsecond = tsc_hz / 1'000'000;
    const u64 took = wait_for_answers(header.cpus.count - 1, kAnswerTime * microsecond);
    SEPTUM_REQUIRE(check_answers(header, own_index));
    // The broadcast has reached every CPU, in whatever package, and no register counts them: CPUID knows its own package. One that
    // nobody stated is refused when it checks in; it has as long again as all the stated ones took.
    const u64 least = kStragglerTime * microsecond;
    wait_for_answers(header.cpus.count, took > least ? took : least);
    wipe_trampoline(header.trampoline);
    return kHolds;
}

void launch(const manifest::Header& header, u32 own_index) {
    set_control_registers();
    now_doing("the resident part's data");
    wire(header);
    __atomic_store_n(&go, true, __ATOMIC_RELEASE);
    enter_resident(per_cpu(kernel::records<manifest::Cpu>(header, header.cpus).first[own_index]), stack_of(header, own_index));
}

} // namespace septum::kernel::boot

// --- Called by entry.S on the other CPUs ---

namespace {

struct CheckedIn {
    septum::u64 stack;
    septum::u64 index;
};

} // namespace

// On the shared stack, one CPU at a time. Gives the CPU its own stack, or refuses.
extern "C" [[gnu::used]] CheckedIn check_in() {
    using namespace septum::kernel::boot;
    load_exception_table();
    stop_if_refused();
    const septum::manifest::Header& header = *description;
    septum::u32 index = 0;
    require(find_cpu(header, read_apic_id(), index));
    adopt_mtrrs();
    require(ready_cpu(header));
    __atomic_store_n(&answered[index], true, __ATOMIC_RELEASE);
    __atomic_fetch_add(&answers, 1, __ATOMIC_ACQ_REL);
    return {stack_of(header, index), index};
}

// On the CPU's own stack.
extern "C" [[noreturn, gnu::used]] void await_launch(septum::u32 index) {
    using namespace septum::kernel::boot;
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE)) {
        stop_if_refused();
        septum::kernel::hw::pause();
    }
    set_control_registers();
    const auto cpus = septum::kernel::records<septum::manifest::Cpu>(*description, description->cpus);
    enter_resident(septum::kernel::per_cpu(cpus.first[index]), stack_of(*description, index));
}
