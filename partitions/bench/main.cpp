// SPDX-License-Identifier: Apache-2.0
// What an exit costs, as the guest sees it: time-stamp counter to time-stamp counter round one instruction that the
// kernel answers. Run under an emulator that counts an instruction as a tick, the figures are instructions. Lines:
//   bench: NAME MINIMUM MEDIAN
// `empty` is the same measurement with nothing inside.
#include "msix.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/hypercall.hpp>
#include <septum/guest/info.hpp>
#include <septum/runtime/apic.hpp>
#include <septum/runtime/console.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::bench {
namespace {

constexpr u32 kRounds = 1000;
u64 samples[kRounds];

void report(const char* name) {
    for (u32 i = 1; i < kRounds; ++i) { // insertion sort: samples are few and nearly alike
        const u64 sample = samples[i];
        u32 at = i;
        for (; at > 0 && samples[at - 1] > sample; --at) {
            samples[at] = samples[at - 1];
        }
        samples[at] = sample;
    }
    guest::say("bench: ", name, " ", samples[0], " ", samples[kRounds / 2]);
}

// The shortest frame there is: RDTSC, keep EAX, the registers the instruction wants, the instruction, RDTSC. The low
// halves suffice, an exit takes less than 2^32 ticks.
template <typename Measure>
void run(const char* name, Measure measure) {
    for (u64& sample : samples) {
        sample = measure();
    }
    report(name);
}

u32 empty() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\trdtsc" : "=&a"(end), "=&r"(begin) : : "rdx", "memory");
    return end - begin;
}

u32 cpuid() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\txorl %%eax, %%eax\n\tcpuid\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 :
                 : "rbx", "rcx", "rdx", "memory");
    return end - begin;
}

u32 vmmcall() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl %2, %%eax\n\tvmmcall\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 : "i"(guest::Hypercall::version)
                 : "rdx", "memory");
    return end - begin;
}

u32 vmcall() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl %2, %%eax\n\tvmcall\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 : "i"(guest::Hypercall::version)
                 : "rdx", "memory");
    return end - begin;
}

u32 msr() {
    constexpr u32 kApicBase = 0x1B;
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl %2, %%ecx\n\trdmsr\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 : "i"(kApicBase)
                 : "rcx", "rdx", "memory");
    return end - begin;
}

// A port that is absent, and one that the virtual 16550 answers.
u32 port(u16 number) {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl %2, %%edx\n\tinb %%dx, %%al\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 : "r"(u32{number})
                 : "rdx", "memory");
    return end - begin;
}
u32 absent_port() {
    return port(0x80);
}
u32 console_port() {
    return port(guest::kUartPort + 5);
}

// The command register of the partition's device: read from the hardware.
u32 config_read() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl %2, %%edx\n\tinl %%dx, %%eax\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 : "i"(guest::kPciDataPort)
                 : "rdx", "memory");
    return end - begin;
}

// A store into a table of MSI-X, as writel() is.
u32 store(u64 address, u32 value) {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl %3, (%2)\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 : "r"(address), "r"(value)
                 : "rdx", "memory");
    return end - begin;
}

constexpr u8 kVector = 0x31;
u64 arrival; // when the handler ran

void arrived(guest::Frame&) {
    arrival = guest::cpu::timestamp();
}

// An IPI to itself by the interrupt command register: the WRMSR alone, then as far as the handler.
u32 ipi() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl %2, %%ecx\n\tmovl %3, %%eax\n\txorl %%edx, %%edx\n\twrmsr\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 : "i"(guest::apic::kCommand), "i"(guest::apic::kFixed | guest::apic::kToSelf | kVector)
                 : "rcx", "rdx", "memory");
    guest::cpu::sleep(); // takes it
    return end - begin;
}

u64 ipi_to_handler() {
    const u64 begin = guest::cpu::timestamp();
    guest::apic::command(0, guest::apic::kFixed | guest::apic::kToSelf | kVector);
    guest::cpu::sleep();
    return arrival - begin;
}

// Sleeps in HLT until a timer of `count` goes off; ticks from its start to its handler.
u64 sleep_for(u32 count) {
    guest::apic::start_timer(kVector, 0, false);
    const u64 begin = guest::cpu::timestamp();
    guest::cpu::write_msr(guest::apic::kTimerInitial, count);
    guest::cpu::sleep();
    return arrival - begin;
}

u64 shortest_sleep(u32 count) {
    u64 shortest = ~0ULL;
    for (u32 i = 0; i < 20; ++i) {
        const u64 sleep = sleep_for(count);
        shortest = sleep < shortest ? sleep : shortest;
    }
    return shortest;
}

// What of a sleep is not the timer's own time: two lengths tell how long a count lasts, the rest is waking up.
class TimerWake {
public:
    TimerWake() : long_(shortest_sleep(kLong)), short_(shortest_sleep(kShort)) {}

    u64 operator()() const {
        const u64 timer = (long_ - short_) * kShort / (kLong - kShort);
        const u64 passed = sleep_for(kShort);
        return passed > timer ? passed - timer : 0;
    }

private:
    static constexpr u32 kShort = 2000;
    static constexpr u32 kLong = 10 * kShort;
    u64 long_;
    u64 short_;
};

// An entry's data while it is masked; then the entry unmasked, which routes the interrupt; then masked again.
void run_msix(const MsixTable& table) {
    constexpr u64 kData = 8;
    constexpr u64 kControl = 12;
    run("config-read", config_read);
    const u32* const cpus = reinterpret_cast<const guest::Info*>(guest::kInfoBase)->apic_ids;
    const auto message_to = [](u32 apic_id) { return 0xFEE0'0000 | apic_id << 12; };
    store(table.address, message_to(cpus[0]));
    u32 data = 0x40;
    run("msix-data", [&] { return store(table.address + kData, data ^= 1); });
    run("msix-unmask", [&] {
        const u32 took = store(table.address + kControl, 0);
        store(table.address + kControl, 1);
        return took;
    });
    run("msix-reroute", [&] { // the same, to another vector of the other CPU each time
        store(table.address + kData, data ^= 1);
        store(table.address, message_to(cpus[data & 1]));
        const u32 took = store(table.address + kControl, 0);
        store(table.address + kControl, 1);
        return took;
    });
    run("msix-mask", [&] {
        store(table.address + kControl, 0);
        return store(table.address + kControl, 1);
    });
}

} // namespace
} // namespace septum::bench

void septum::guest::partition_main(const Launch&) {
    using namespace septum::bench;
    constexpr u32 kGenu = 0x756E'6547; // EBX of leaf 0: the first four letters of "GenuineIntel"
    on_vector(kVector, arrived);
    run("empty", empty);
    run("cpuid", septum::bench::cpuid);
    run("hypercall", cpu::cpuid(0).ebx == kGenu ? vmcall : vmmcall);
    run("msr", msr);
    run("port", absent_port);
    run("console-port", console_port);
    run("ipi", ipi);
    run("ipi-to-handler", ipi_to_handler);
    run("timer-wake", TimerWake());
    if (const MsixTable table = find_msix(); table.address != 0) {
        run_msix(table);
    }
    say("bench: done");
}
