// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/clock.hpp>

#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::guest {
namespace {

constexpr u32 kNoAnswer = ~0U;
constexpr u64 kUsual = 1'000'000'000; // where nobody says

// By its interrupt, not by its current count: some emulators that count instructions stop at reading that register.
constexpr u8 kVector = 0xFE;
void done(Frame&) {}

u64 measure_apic_timer(u64 tsc) {
    constexpr u32 kCount = 100'000;
    on_vector(kVector, done);
    apic::start_timer(kVector, 0, false);
    const u64 begin = cpu::timestamp();
    cpu::write_msr(apic::kTimerInitial, kCount);
    cpu::sleep();
    const u64 passed = cpu::timestamp() - begin;
    on_vector(kVector, nullptr);
    apic::stop_timer();
    return u64{kCount} * apic::kTimerDivisor * tsc / passed;
}

} // namespace

u64 tsc_hz() {
    const VmwareAnswer answer = call_vmware(kVmwareGetHz);
    const u64 hz = u64{answer.ebx} << 32 | answer.eax;
    return answer.eax == kNoAnswer || hz == 0 ? kUsual : hz;
}

u64 apic_timer_hz() {
    const VmwareAnswer answer = call_vmware(kVmwareGetHz);
    if (answer.eax != kNoAnswer && answer.ecx != 0 && answer.ecx != kVmwareGetHz) { // else nobody wrote it
        return answer.ecx;
    }
    const u64 hz = measure_apic_timer(tsc_hz());
    return hz == 0 ? kUsual : hz;
}

} // namespace septum::guest
