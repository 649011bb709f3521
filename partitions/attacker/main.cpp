// SPDX-License-Identifier: Apache-2.0
// Tries, one launch after another, to get at what is not its own. The launch count is the number of the try; a
// contained one ends the launch and the kernel's policy starts the next, a harmless one asks for the restart.
//
// The partition's name says what is tried: names of areas joined by `-`; `intruder`, what the demo shows; any other,
// all but `devices`, which takes a device.
#include "partitions/attacker/attack.hpp"

#include <septum/guest/hypercall.hpp>
#include <septum/runtime/call.hpp>
#include <septum/runtime/clock.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::attacker {
namespace {

enum class Cpus : u8 {
    each, // every CPU of the partition tries it, at the same moment
    one,  // the boot CPU; the others make exits without end meanwhile
    two,  // the attack itself uses a second CPU; left out where there is none
};
enum class Expect : u8 { stopped, harmless, either, restarted };
enum class Demo : u8 { demo, suite };

struct Attack {
    const char* area;
    const char* name;
    Result (*run)(const Try&);
    Cpus cpus;
    Demo demo;
    u32 lives;
    Expect expect;
    const char* what;
};

constexpr Attack kAttacks[] = {
#define ATTACK(area, name, cpus, demo, lives, expect, words, what)                                                     \
    {#area, #name, area::name, Cpus::cpus, Demo::demo, lives, Expect::expect, what},
#include "partitions/attacker/attacks.def"
#undef ATTACK
};

constexpr char kDemoName[] = "intruder";
constexpr char kWithDevice[] = "devices"; // the area that is tried only by name

bool equal(const char* a, const char* b, u64 length) {
    for (u64 i = 0; i < length; ++i) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return b[length] == '\0';
}

// Whether `word` is one of the words that `-` joins in `list`.
bool contains(const char* list, const char* word) {
    u64 begin = 0;
    for (u64 at = 0;; ++at) {
        if (list[at] == '-' || list[at] == '\0') {
            if (equal(list + begin, word, at - begin)) {
                return true;
            }
            begin = at + 1;
        }
        if (list[at] == '\0') {
            return false;
        }
    }
}

bool names_an_area(const char* name) {
    for (const Attack& attack : kAttacks) {
        if (contains(name, attack.area)) {
            return true;
        }
    }
    return false;
}

bool chosen(const Attack& attack, const guest::Info& info) {
    if (attack.cpus == Cpus::two && info.cpu_count < 2) {
        return false;
    }
    if (contains(info.name, kDemoName)) {
        return attack.demo == Demo::demo;
    }
    return contains(info.name, attack.area) || (!names_an_area(info.name) && !contains(kWithDevice, attack.area));
}

struct Chosen {
    const Attack* attack; // null: all have been tried
    u32 variant;
};

Chosen choose(const guest::Launch& launch) {
    u64 first = 0;
    for (const Attack& attack : kAttacks) {
        if (!chosen(attack, launch.info)) {
            continue;
        }
        if (launch.count < first + attack.lives) {
            return {&attack, static_cast<u32>(launch.count - first)};
        }
        first += attack.lives;
    }
    return {nullptr, 0};
}

// An attack's name as the documents have it.
struct Id {
    char text[64] = {};
    explicit Id(const Attack& attack) {
        u32 at = 0;
        const auto add = [&](char c) {
            if (at < sizeof(text) - 1) {
                text[at] = c == '_' ? '-' : c;
                ++at;
            }
        };
        for (const char* c = attack.area; *c != '\0'; ++c) {
            add(*c);
        }
        add('.');
        for (const char* c = attack.name; *c != '\0'; ++c) {
            add(*c);
        }
    }
};

const guest::Launch* the_launch;
Chosen the_choice;
u32 ready;     // other CPUs that stand at the line
u32 go;        // they may begin
u32 came_back; // other CPUs that are through
u32 say_lock;  // a line is one CPU's

template <typename... Parts>
void say_one(const Parts&... parts) {
    while (__atomic_exchange_n(&say_lock, 1U, __ATOMIC_ACQUIRE) != 0) {
        guest::cpu::pause();
    }
    guest::say(the_launch->info.name, ": try ", the_launch->count + 1, ": ", parts...);
    __atomic_store_n(&say_lock, 0U, __ATOMIC_RELEASE);
}

bool must_end_us(Expect expect) {
    return expect == Expect::stopped || expect == Expect::restarted;
}

// What came of it, on this CPU. True: as it should be.
bool judge(const Result& result) {
    if (result.gained || must_end_us(the_choice.attack->expect)) {
        say_one("BREACH: ", result.how);
        return false;
    }
    return true;
}

void make_exits() {
    for (u64 round = 0;; ++round) {
        (void)guest::cpu::cpuid(static_cast<u32>(round));
        (void)guest::call(guest::Hypercall::version);
        (void)guest::cpu::in8(0x80);
    }
}

void other_cpu(u32 /*n*/) {
    __atomic_add_fetch(&ready, 1U, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&go, __ATOMIC_ACQUIRE) == 0) {
        guest::cpu::pause();
    }
    if (the_choice.attack->cpus == Cpus::one) {
        make_exits();
    }
    if (judge(the_choice.attack->run(Try(*the_launch, the_choice.variant)))) {
        __atomic_add_fetch(&came_back, 1U, __ATOMIC_ACQ_REL);
    }
}

// Starts the other CPUs and lets them go. False: one did not come up.
bool start_others(u32 others) {
    for (u32 n = 1; n <= others; ++n) {
        if (!guest::start_processor(n, other_cpu)) {
            return false;
        }
    }
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != others) {
        guest::cpu::pause();
    }
    __atomic_store_n(&go, 1U, __ATOMIC_RELEASE);
    return true;
}

bool wait_for_others(u32 others) {
    constexpr u64 kSeconds = 100;
    const u64 hz = guest::tsc_hz();
    const u64 begin = guest::cpu::timestamp();
    while (__atomic_load_n(&came_back, __ATOMIC_ACQUIRE) != others) {
        if (guest::cpu::timestamp() - begin > kSeconds * hz) {
            return false;
        }
        guest::cpu::pause();
    }
    return true;
}

// One try. True: as it should be.
bool attempt_it() {
    const Attack& attack = *the_choice.attack;
    const u32 others = attack.cpus == Cpus::two ? 0 : the_launch->info.cpu_count - 1;
    if (!start_others(others)) {
        say_one("BREACH: a CPU of its own did not start");
        return false;
    }
    const Result result = attack.run(Try(*the_launch, the_choice.variant));
    if (!judge(result)) {
        return false;
    }
    if (attack.cpus == Cpus::each && !wait_for_others(others)) {
        say_one("BREACH: another CPU of its own did not come back");
        return false;
    }
    say_one("no harm done: ", result.how);
    return true;
}

void begin(const guest::Launch& launch) {
    the_launch = &launch;
    the_choice = choose(launch);
    const bool demo = contains(launch.info.name, kDemoName);
    if (the_choice.attack == nullptr) {
        guest::say(launch.info.name, ": ", launch.count, demo ? " tries, nothing gained" : " tries made");
        return;
    }
    const Attack& attack = *the_choice.attack;
    if (attack.lives > 1) {
        say_one(Id(attack).text, " ", the_choice.variant + 1, " of ", attack.lives, ": ", attack.what);
    } else {
        say_one(Id(attack).text, ": ", attack.what);
    }
    if (!attempt_it() && demo) {
        return; // the demo ends at a breach; the suite goes on, and whoever runs it counts
    }
    guest::restart();
}

} // namespace
} // namespace septum::attacker

void septum::guest::partition_main(const Launch& launch) {
    septum::attacker::begin(launch);
}
