// SPDX-License-Identifier: Apache-2.0
// What one exit costs, as the machine that it runs on sees it: time-stamp counter to time-stamp counter round one
// instruction. It runs bare, in a partition, and as a guest of any hypervisor that starts Multiboot or PVH kernels.
// Lines:
//   exits: NAME MINIMUM MEDIAN
// `empty` is the same measurement with nothing inside. Lines go to the 16550 at 0x3F8. Ends with `exits: done`, then
// HLT.
using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned;
using u64 = unsigned long long;

extern "C" {
volatile u64 timer_arrival;
extern u8 interrupt_table[];
void timer_interrupt();
void exits_main(u32 loader);
}

namespace {

constexpr u16 kConsole = 0x3F8;
constexpr u32 kRounds = 1000;
u32 samples[kRounds];

u8 in8(u16 port) {
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void out8(u16 port, u8 value) {
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void put(char c) {
    while ((in8(kConsole + 5) & 0x20) == 0) {
    }
    out8(kConsole, static_cast<u8>(c));
}

void say(const char* text) {
    for (; *text != 0; ++text) {
        put(*text);
    }
}

void say(u64 number) {
    char digits[20];
    u32 count = 0;
    do {
        digits[count++] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count != 0) {
        put(digits[--count]);
    }
}

void report(const char* name) {
    for (u32 i = 1; i < kRounds; ++i) { // insertion sort: samples are few and nearly alike
        const u32 sample = samples[i];
        u32 at = i;
        for (; at > 0 && samples[at - 1] > sample; --at) {
            samples[at] = samples[at - 1];
        }
        samples[at] = sample;
    }
    say("exits: ");
    say(name);
    put(' ');
    say(u64{samples[0]});
    put(' ');
    say(u64{samples[kRounds / 2]});
    say("\r\n");
}

template <typename Measure>
void run(const char* name, Measure measure) {
    for (u32& sample : samples) {
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

u32 msr() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl $0x1B, %%ecx\n\trdmsr\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 :
                 : "rcx", "rdx", "memory");
    return end - begin;
}

u32 port() {
    u32 begin;
    u32 end;
    asm volatile("rdtsc\n\tmovl %%eax, %1\n\tmovl $0x80, %%edx\n\tinb %%dx, %%al\n\trdtsc"
                 : "=&a"(end), "=&r"(begin)
                 :
                 : "rdx", "memory");
    return end - begin;
}

u64 read_msr(u32 index) {
    u32 low;
    u32 high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    return u64{high} << 32 | low;
}

void write_msr(u32 index, u64 value) {
    asm volatile("wrmsr" : : "c"(index), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)) : "memory");
}

u64 timestamp() {
    u32 low;
    u32 high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return u64{high} << 32 | low;
}

bool has_x2apic() {
    u32 eax = 1;
    u32 ebx;
    u32 ecx;
    u32 edx;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    return (ecx & 1u << 21) != 0;
}

constexpr u8 kVector = 0x40;

void set_gate() {
    const u64 handler = reinterpret_cast<u64>(&timer_interrupt);
    auto* gate = reinterpret_cast<u64*>(interrupt_table + kVector * 16);
    gate[0] = (handler & 0xFFFF) | 8ULL << 16 | 0x8EULL << 40 | (handler >> 16 & 0xFFFF) << 48;
    gate[1] = handler >> 32;
}

// The interrupt controller as this guest wants it: x2APIC mode, on, the timer one-shot and undivided.
void start_apic() {
    constexpr u64 kX2apic = 1u << 10;
    if ((read_msr(0x1B) & kX2apic) == 0) {
        write_msr(0x1B, read_msr(0x1B) | kX2apic);
    }
    set_gate();
    write_msr(0x80F, 0x1FF);
    write_msr(0x83E, 0xB);
    write_msr(0x832, kVector);
}

// Sleeps in HLT until a timer of `count` goes off: ticks from its start to its handler.
u64 sleep_for(u32 count) {
    timer_arrival = 0;
    const u64 begin = timestamp();
    write_msr(0x838, count);
    while (timer_arrival == 0) {
        asm volatile("sti\n\thlt\n\tcli" : : : "memory");
    }
    return timer_arrival - begin;
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
void run_timer() {
    constexpr u32 kShort = 2000;
    constexpr u32 kLong = 10 * kShort;
    start_apic();
    const u64 long_sleep = shortest_sleep(kLong);
    const u64 short_sleep = shortest_sleep(kShort);
    const u64 timer = (long_sleep - short_sleep) * kShort / (kLong - kShort);
    run("timer-wake", [timer] {
        const u64 passed = sleep_for(kShort);
        return static_cast<u32>(passed > timer ? passed - timer : 0);
    });
}

} // namespace

extern "C" void exits_main(u32 loader) {
    say(loader == 0x2BADB002 ? "exits: started by multiboot\r\n" : "exits: started\r\n");
    run("empty", empty);
    run("cpuid", cpuid);
    run("msr", msr);
    run("port", port);
    if (has_x2apic()) {
        run_timer();
    }
    say("exits: done\r\n");
}
