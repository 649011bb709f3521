// SPDX-License-Identifier: Apache-2.0
// Every MSR of the permission map's three ranges, and some outside. What may be read and written at all is listed here
// for itself: whatever else answers is a breach. Registers whose use ends the launch are attacks of their own, in
// registers.cpp.
#include "partitions/attacker/attack.hpp"

#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::sweeps {
namespace {

namespace cpu = guest::cpu;
using guest::Hex;

struct Range {
    u32 first, last;
};

// Read with an answer: time stamp, APIC_BASE, microcode level, MTRRs that say write-back, SYSENTER, machine checks
// without a bank, debug control, PAT, local APIC; EFER, SYSCALL and segment bases; HWCR, NB_CFG.
constexpr Range kReadable[] = {{0x10, 0x10},
                               {0x1B, 0x1B},
                               {0x8B, 0x8B},
                               {0xFE, 0xFE},
                               {0x174, 0x176},
                               {0x179, 0x17A},
                               {0x1D9, 0x1D9},
                               {0x277, 0x277},
                               {0x2FF, 0x2FF},
                               {0x802, 0x803},
                               {0x808, 0x808},
                               {0x80A, 0x80A},
                               {0x80D, 0x80D},
                               {0x80F, 0x828},
                               {0x830, 0x830},
                               {0x832, 0x839},
                               {0x83E, 0x83E},
                               {0xC000'0080, 0xC000'0084},
                               {0xC000'0100, 0xC000'0103},
                               {0xC001'0015, 0xC001'0015},
                               {0xC001'001F, 0xC001'001F}};

// Written without an exception; the local APIC's are attacks of their own.
constexpr Range kWritable[] = {{0x10, 0x10},
                               {0x1B, 0x1B},
                               {0x174, 0x176},
                               {0x1D9, 0x1D9},
                               {0x277, 0x277},
                               {0x2FF, 0x2FF},
                               {0xC000'0080, 0xC000'0084},
                               {0xC000'0100, 0xC000'0103},
                               {0xC001'0015, 0xC001'0015},
                               {0xC001'001F, 0xC001'001F}};

// End the launch when read, and when written.
constexpr Range kReadEnds[] = {{0x79, 0x79},
                               {0x9B, 0x9B},
                               {0x9E, 0x9E},
                               {0xC001'0016, 0xC001'0019},
                               {0xC001'0020, 0xC001'0020},
                               {0xC001'0111, 0xC001'011B}};
constexpr Range kWriteEnds[] = {{0x79, 0x79},
                                {0x8B, 0x8B},
                                {0x9B, 0x9B},
                                {0x9E, 0x9E},
                                {0x200, 0x276},
                                {0x278, 0x2FE},
                                {0xC001'0010, 0xC001'0010},
                                {0xC001'0016, 0xC001'0019},
                                {0xC001'001A, 0xC001'001D},
                                {0xC001'0020, 0xC001'0020},
                                {0xC001'0058, 0xC001'0058},
                                {0xC001'0111, 0xC001'011B},
                                {0xC001'0140, 0xC001'0141}};
constexpr Range kLocalApic = {0x800, 0x8FF};

template <u64 kCount>
bool in(u32 msr, const Range (&ranges)[kCount]) {
    for (const Range& range : ranges) {
        if (msr >= range.first && msr <= range.last) {
            return true;
        }
    }
    return false;
}

struct Access {
    u32 msr;
    u64 value;
};
bool refused(void (*how)(void*), Access& access) {
    constexpr u64 kGeneralProtection = 13;
    return guest::attempt(how, &access) == kGeneralProtection;
}
bool read(Access& access) {
    return !refused(
        [](void* a) {
            auto& wanted = *static_cast<Access*>(a);
            wanted.value = cpu::read_msr(wanted.msr);
        },
        access);
}
bool write(Access& access) {
    return !refused(
        [](void* a) {
            const auto& wanted = *static_cast<const Access*>(a);
            cpu::write_msr(wanted.msr, wanted.value);
        },
        access);
}

Result read_range(const Try& t, u32 first, u32 last) {
    u32 answered = 0;
    for (u32 msr = first; msr <= last; ++msr) {
        if (in(msr, kReadEnds)) {
            continue;
        }
        Access access{msr, 0};
        if (!read(access)) {
            continue;
        }
        ++answered;
        if (!in(msr, kReadable)) {
            t.note("MSR ", Hex{msr}, " reads ", Hex{access.value});
            return breach("a register answers that should not");
        }
    }
    t.note(answered, " answer");
    return nothing("none but its own");
}

// What can be read is written back as it is; the rest gets zero, then ones.
Result write_range(const Try& t, u32 first, u32 last) {
    u32 taken = 0;
    for (u32 msr = first; msr <= last; ++msr) {
        if (in(msr, kWriteEnds) || (msr >= kLocalApic.first && msr <= kLocalApic.last)) {
            continue;
        }
        if (in(msr, kWritable)) {
            Access own{msr, 0};
            taken += read(own) && write(own) ? 1U : 0U;
            continue;
        }
        const u64 values[] = {u64{0}, ~u64{0}};
        for (const u64 value : values) {
            Access access{msr, value};
            if (write(access)) {
                t.note("MSR ", Hex{msr}, " takes ", Hex{value});
                return breach("a register was taken that should not");
            }
        }
    }
    t.note(taken, " were taken");
    return nothing("none but its own");
}

// Each side of the map's ranges, the hypervisors' own, and one bit at a time.
template <typename Visit>
bool for_each_outside(Visit visit) {
    constexpr Range kOutside[] = {{0x2000, 0x20FF},           {0xC000'2000, 0xC000'20FF}, {0xC001'2000, 0xC001'20FF},
                                  {0x4000'0000, 0x4000'01FF}, {0x4B56'4D00, 0x4B56'4D0F}, {0xC001'FF00, 0xC001'FFFF},
                                  {0xBFFF'FF00, 0xBFFF'FFFF}, {0xFFFF'FF00, 0xFFFF'FFFE}};
    for (const Range& range : kOutside) {
        for (u32 msr = range.first; msr <= range.last; ++msr) {
            if (!visit(msr)) {
                return false;
            }
        }
    }
    for (u32 bit = 13; bit < 32; ++bit) {
        if (!visit(1U << bit)) {
            return false;
        }
    }
    return true;
}

} // namespace

Result read_low(const Try& t) {
    return read_range(t, 0, 0x1FFF);
}
Result read_extended(const Try& t) {
    return read_range(t, 0xC000'0000, 0xC000'1FFF);
}
Result read_amd(const Try& t) {
    return read_range(t, 0xC001'0000, 0xC001'1FFF);
}
Result write_low(const Try& t) {
    return write_range(t, 0, 0x1FFF);
}
Result write_extended(const Try& t) {
    return write_range(t, 0xC000'0000, 0xC000'1FFF);
}
Result write_amd(const Try& t) {
    return write_range(t, 0xC001'0000, 0xC001'1FFF);
}

Result read_outside(const Try&) {
    const bool all = for_each_outside([](u32 msr) {
        Access access{msr, 0};
        return !read(access);
    });
    return all ? nothing("none answers") : breach("one answers");
}
Result write_outside(const Try&) {
    const bool all = for_each_outside([](u32 msr) {
        Access access{msr, ~0ULL};
        return !write(access);
    });
    return all ? nothing("none is taken") : breach("one was taken");
}

// What CPUID may say of the machine: its own APIC ids, its own number of CPUs, and of no hypervisor but the timing
// interface.
Result cpuid_leaves(const Try& t) {
    const u32 highest = cpu::cpuid(0).eax;
    const u32 highest_extended = cpu::cpuid(0x8000'0000).eax;
    const Range ranges[] = {{highest + 1, 0x3F},
                            {0x4000'0011, 0x4000'00FF},
                            {0x8000'0040, 0x8000'00FF},
                            {highest_extended + 1, 0x8000'003F},
                            {0xC000'0000, 0xC000'00FF}};
    for (const Range& range : ranges) {
        for (u32 leaf = range.first; leaf <= range.last; ++leaf) {
            for (u32 subleaf = 0; subleaf < 4; ++subleaf) {
                const auto answer = cpu::cpuid(leaf, subleaf);
                if ((answer.eax | answer.ebx | answer.ecx | answer.edx) != 0) {
                    t.note("leaf ", Hex{leaf}, ", subleaf ", subleaf);
                    return breach("a leaf answers that does not exist");
                }
            }
        }
    }
    constexpr u32 kExtendedTopology = 0xB;
    if (highest >= kExtendedTopology && cpu::cpuid(kExtendedTopology).edx != t.info().apic_ids[0]) {
        return breach("another CPU's number");
    }
    return nothing("it hears of itself only");
}

} // namespace septum::attacker::sweeps
