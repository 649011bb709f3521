// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/clock.hpp>

#include <septum/runtime/apic.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::guest {
namespace {

constexpr u32 kNoAnswer = ~0U;
constexpr u64 kUsual = 1'000'000'000; // where nobody says

u64 measure_apic_timer(u64 tsc) {
    constexpr u32 kLongest = ~0U;
    constexpr u64 kParts = 500; // of a second
    cpu::write_msr(apic::kTimerDivide, 0b0011);
    cpu::write_msr(apic::kTimerEntry, apic::kMasked);
    cpu::write_msr(apic::kTimerInitial, kLongest);
    const u64 begin = cpu::timestamp();
    u64 end = begin;
    while (end - begin < tsc / kParts) {
        end = cpu::timestamp();
    }
    const u64 passed = kLongest - cpu::read_msr(apic::kTimerCurrent);
    apic::stop_timer();
    return passed * apic::kTimerDivisor * tsc / (end - begin);
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
