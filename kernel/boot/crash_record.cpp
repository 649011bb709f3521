// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/crash_record.hpp"

#include "kernel/boot/line.hpp"
#include "kernel/boot/map.hpp"
#include "kernel/boot/refuse.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/lifecycle/crash_record.hpp"

namespace septum::kernel::boot {

namespace {

constexpr const char* kRegisterNames[core::kRegisters] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr const char* kExitNames[core::kExitKinds] = {
    "cpuid", "hypercall", "rdmsr", "wrmsr", "in", "out", "string i/o", "memory", "#DB", "#AC", "#MC", "nmi",
    "window", "iret", "init", "shutdown", "cache", "missing", "rdpmc", "virtualisation", "broken", "unknown"};
constexpr const char* kStart = "septum: last run: ";

class Said {
public:
    Said() { line_.put(kStart); }
    Line<kLineSize>& line() { return line_; }
    ~Said() {
        line_.put('\n');
        say(buffer_);
    }

private:
    char buffer_[kLineSize];
    Line<kLineSize> line_{buffer_};
};

void say_registers(const CrashRecord& record) {
    {
        Said said;
        said.line().put("cpu with apic id ").decimal(record.apic_id).put(", rip 0x").hex(record.rip, 1);
        said.line().put(", rflags 0x").hex(record.rflags, 1).put(", cr3 0x").hex(record.cr3, 1);
    }
    for (u32 i = 0; i < core::kRegisters; i += 4) {
        Said said;
        for (u32 j = i; j < i + 4; j++) {
            said.line().put(j == i ? "" : ", ").put(kRegisterNames[j]).put(" 0x").hex(record.registers[j], 1);
        }
    }
}

void say_exits(const CrashRecord& record) {
    {
        Said said;
        said.line().put("exits since boot:");
        for (u32 i = 0; i < core::kExitKinds; i++) {
            if (record.counters[i] != 0) {
                said.line().put(' ').put(kExitNames[i]).put(' ').decimal(record.counters[i]);
            }
        }
    }
    const u32 count = record.newest < kLastExits ? record.newest : kLastExits;
    for (u32 i = 0; i < count; i++) { // the newest first
        const LastExit& exit = record.last[(record.newest - 1 - i) % kLastExits];
        Said said;
        said.line().put("rare exit 0x").hex(exit.code, 1).put(", address 0x").hex(exit.address, 1);
        said.line().put(", rip 0x").hex(exit.rip, 1);
    }
}

} // namespace

void say_crash_record(const manifest::Header& header) {
    if (header.crash_record.value == 0) {
        return;
    }
    require(map("crash record", {header.crash_record, kPageSize}));
    const CrashRecord& record = *hw::at<const CrashRecord>(header.crash_record);
    u64 manifest = 0;
    memcpy(&manifest, header.manifest_digest.bytes, sizeof manifest);
    if (record.magic == kCrashMagic && record.checksum == checksum_of(record) && record.manifest == manifest) {
        Said().line().put(record.reason, sizeof record.reason);
        Said().line().put("board contract held with ").decimal(record.facts).put(" facts");
        say_registers(record);
        say_exits(record);
    }
    hw::scrub(header.crash_record, kPageSize);
}

} // namespace septum::kernel::boot
