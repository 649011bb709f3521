// SPDX-License-Identifier: Apache-2.0
#include "build/tables/vmcb.hpp"

namespace septum::build {
namespace {

// Control area, APM 2 table B-1.
constexpr std::size_t kExceptionIntercepts = 0x008;
constexpr std::size_t kIntercepts1 = 0x00C;
constexpr std::size_t kIntercepts2 = 0x010;
constexpr std::size_t kIntercepts3 = 0x014;
constexpr std::size_t kIopmBase = 0x040;
constexpr std::size_t kMsrpmBase = 0x048;
constexpr std::size_t kGuestAsid = 0x058;
constexpr std::size_t kNestedEnable = 0x090;
constexpr std::size_t kNestedCr3 = 0x0B0;

// Offset 008h: vectors.
constexpr std::uint32_t kDebug = 1U << 1;           // #DB: a guest can wedge a CPU with it
constexpr std::uint32_t kAlignmentCheck = 1U << 17; // #AC: the same
constexpr std::uint32_t kMachineCheck = 1U << 18;   // #MC: the machine's, not a guest's

// Offset 00Ch.
constexpr std::uint32_t kNmi = 1U << 1;
constexpr std::uint32_t kInit = 1U << 3;
constexpr std::uint32_t kRdpmc = 1U << 15;
constexpr std::uint32_t kCpuid = 1U << 18;
constexpr std::uint32_t kRsm = 1U << 19;
constexpr std::uint32_t kInvd = 1U << 22;
constexpr std::uint32_t kInvlpga = 1U << 26;
constexpr std::uint32_t kIoioProtect = 1U << 27;
constexpr std::uint32_t kMsrProtect = 1U << 28;
constexpr std::uint32_t kFerrFreeze = 1U << 30;
constexpr std::uint32_t kShutdown = 1U << 31;

// Offset 010h.
constexpr std::uint32_t kVmrun = 1U << 0;
constexpr std::uint32_t kVmmcall = 1U << 1;
constexpr std::uint32_t kVmload = 1U << 2;
constexpr std::uint32_t kVmsave = 1U << 3;
constexpr std::uint32_t kStgi = 1U << 4;
constexpr std::uint32_t kClgi = 1U << 5;
constexpr std::uint32_t kSkinit = 1U << 6;
constexpr std::uint32_t kIcebp = 1U << 8;
constexpr std::uint32_t kWbinvd = 1U << 9;
constexpr std::uint32_t kMonitor = 1U << 10;
constexpr std::uint32_t kMwait = 1U << 11;
constexpr std::uint32_t kMwaitArmed = 1U << 12;
constexpr std::uint32_t kRdpru = 1U << 14;

// Offset 014h.
constexpr std::uint32_t kInvlpgb = 1U << 0;
constexpr std::uint32_t kInvlpgbIllegal = 1U << 1;
constexpr std::uint32_t kMcommit = 1U << 3;
constexpr std::uint32_t kTlbsync = 1U << 4;

constexpr std::uint64_t kNpEnable = 1U << 0; // offset 090h

// State save area, APM 2 table B-2, from here on.
constexpr std::size_t kSave = 0x400;
constexpr std::size_t kEs = kSave + 0x000;
constexpr std::size_t kCs = kSave + 0x010;
constexpr std::size_t kSs = kSave + 0x020;
constexpr std::size_t kDs = kSave + 0x030;
constexpr std::size_t kFs = kSave + 0x040;
constexpr std::size_t kGs = kSave + 0x050;
constexpr std::size_t kGdtr = kSave + 0x060;
constexpr std::size_t kLdtr = kSave + 0x070;
constexpr std::size_t kIdtr = kSave + 0x080;
constexpr std::size_t kTr = kSave + 0x090;
constexpr std::size_t kEfer = kSave + 0x0D0;
constexpr std::size_t kCr4 = kSave + 0x148;
constexpr std::size_t kCr3 = kSave + 0x150;
constexpr std::size_t kCr0 = kSave + 0x158;
constexpr std::size_t kDr7 = kSave + 0x160;
constexpr std::size_t kDr6 = kSave + 0x168;
constexpr std::size_t kRflags = kSave + 0x170;
constexpr std::size_t kRip = kSave + 0x178;
constexpr std::size_t kRsp = kSave + 0x1D8;
constexpr std::size_t kRax = kSave + 0x1F8;
constexpr std::size_t kGuestPat = kSave + 0x268;

// A segment's attributes: bits 7:0 and 11:8 are bits 47:40 and 55:52 of its descriptor (APM 2 §15.5.1, §4.7).
constexpr std::uint16_t kCode64 = 0xA9B;   // G, L, P, DPL 0, code, readable, accessed
constexpr std::uint16_t kCode32 = 0xC9B;   // G, D, P, DPL 0, code, readable, accessed
constexpr std::uint16_t kData32 = 0xC93;   // G, D, P, DPL 0, data, writable, accessed
constexpr std::uint16_t kTss = 0x08B;      // P, busy TSS: 64-bit in long mode, else 32-bit
constexpr std::uint16_t kUnusable = 0x000; // P = 0
constexpr std::uint16_t kRealCode = 0x09B;
constexpr std::uint16_t kRealData = 0x093;
constexpr std::uint16_t kRealLdt = 0x082;
constexpr std::uint16_t kRealTss = 0x083; // busy 16-bit TSS

constexpr std::uint64_t kCr0Long = 0x8001'0033;        // PG, WP, NE, ET, MP, PE (APM 2 §3.1.1)
constexpr std::uint64_t kCr0Protected = 0x0000'0011;   // ET, PE
constexpr std::uint64_t kCr0Init = 0x0000'0010;        // ET; INIT leaves CD and NW as they are, and they are clear
constexpr std::uint64_t kCr4Long = 0x0000'0620;        // OSXMMEXCPT, OSFXSR, PAE (§3.1.3)
constexpr std::uint64_t kEferSvme = 1U << 12;          // VMRUN demands it (§15.5.1)
constexpr std::uint64_t kEferLong = kEferSvme | 0xD01; // NXE, LMA, LME, SCE (§3.1.7)
constexpr std::uint64_t kRflagsReset = 0x2;
constexpr std::uint64_t kDr6Reset = 0xFFFF'0FF0;
constexpr std::uint64_t kDr7Reset = 0x400;
constexpr std::uint64_t kPatReset = 0x0007'0406'0007'0406; // §7.8.2

// What a 64-bit Linux expects its selectors to be (Linux x86 boot protocol, 64-bit); any value does for others.
constexpr std::uint16_t kBootCs = 0x10;
constexpr std::uint16_t kBootDs = 0x18;

void write_segment(ByteSpan out, std::size_t at, std::uint16_t selector, std::uint16_t attributes, std::uint32_t limit,
                   std::uint64_t base) {
    store16(out, at, selector);
    store16(out, at + 2, attributes);
    store32(out, at + 4, limit);
    store64(out, at + 8, base);
}

void write_control(const VmcbControl& control, ByteSpan out) {
    store32(out, kExceptionIntercepts, kDebug | kAlignmentCheck | kMachineCheck);
    store32(out, kIntercepts1,
            kNmi | kInit | kRdpmc | kCpuid | kRsm | kInvd | kInvlpga | kIoioProtect | kMsrProtect | kFerrFreeze |
                kShutdown);
    store32(out, kIntercepts2,
            kVmrun | kVmmcall | kVmload | kVmsave | kStgi | kClgi | kSkinit | kIcebp | kWbinvd | kMonitor | kMwait |
                kMwaitArmed | kRdpru);
    store32(out, kIntercepts3, kInvlpgb | kInvlpgbIllegal | kMcommit | kTlbsync);
    store64(out, kIopmBase, control.iopm.value);
    store64(out, kMsrpmBase, control.msrpm.value);
    store32(out, kGuestAsid, control.asid);
    store64(out, kNestedEnable, kNpEnable);
    store64(out, kNestedCr3, control.npt_root.value);
}

void write_common_state(ByteSpan out) {
    store64(out, kDr6, kDr6Reset);
    store64(out, kDr7, kDr7Reset);
    store64(out, kRflags, kRflagsReset);
    store64(out, kGuestPat, kPatReset);
}

} // namespace

void write_boot_vmcb(const VmcbControl& control, const VmcbEntry& entry, ByteSpan out) {
    write_control(control, out);
    write_common_state(out);
    constexpr std::uint32_t kFlat = 0xFFFF'FFFF;
    const bool is_long = entry.mode == EntryMode::long64;
    write_segment(out, kCs, kBootCs, is_long ? kCode64 : kCode32, kFlat, 0);
    for (const std::size_t segment : {kEs, kSs, kDs, kFs, kGs}) {
        write_segment(out, segment, kBootDs, kData32, kFlat, 0);
    }
    // No descriptor tables: the guest loads its own before it takes an interrupt.
    write_segment(out, kGdtr, 0, 0, 0, 0);
    write_segment(out, kIdtr, 0, 0, 0, 0);
    write_segment(out, kLdtr, 0, kUnusable, 0, 0);
    // 0x67: what PVH asks of the limit in 32-bit mode.
    write_segment(out, kTr, 0, kTss, is_long ? 0xFFFF : 0x67, 0);
    store64(out, kEfer, is_long ? kEferLong : kEferSvme);
    store64(out, kCr0, is_long ? kCr0Long : kCr0Protected);
    store64(out, kCr3, is_long ? entry.cr3 : 0);
    store64(out, kCr4, is_long ? kCr4Long : 0);
    store64(out, kRip, entry.rip);
    store64(out, kRsp, entry.rsp);
    store64(out, kRax, entry.rax);
}

void write_ap_vmcb(const VmcbControl& control, ByteSpan out) {
    write_control(control, out);
    write_common_state(out);
    constexpr std::uint32_t kLimit = 0xFFFF;
    write_segment(out, kCs, 0xF000, kRealCode, kLimit, 0xFFFF'0000);
    for (const std::size_t segment : {kEs, kSs, kDs, kFs, kGs}) {
        write_segment(out, segment, 0, kRealData, kLimit, 0);
    }
    write_segment(out, kGdtr, 0, 0, kLimit, 0);
    write_segment(out, kIdtr, 0, 0, kLimit, 0);
    write_segment(out, kLdtr, 0, kRealLdt, kLimit, 0);
    write_segment(out, kTr, 0, kRealTss, kLimit, 0);
    store64(out, kEfer, kEferSvme);
    store64(out, kCr0, kCr0Init);
    store64(out, kRip, 0xFFF0);
}

} // namespace septum::build
