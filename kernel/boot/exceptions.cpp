// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/exceptions.hpp"

#include "kernel/boot/gate.hpp"
#include "kernel/boot/refuse.hpp"
#include "kernel/hw/control.hpp"

extern "C" const septum::u8 boot_exception_stubs[];

namespace septum::kernel::boot {

namespace {

constexpr u32 kVectors = 32;
constexpr u64 kStubSize = 16;
constexpr u64 kCodeSelector = 0x18; // entry.S

cpu::Gate table[kVectors];

} // namespace

void make_exception_table() {
    for (u32 vector = 0; vector < kVectors; vector++) {
        const u64 stub = reinterpret_cast<u64>(boot_exception_stubs) + vector * kStubSize;
        table[vector] = gate(stub, kCodeSelector, 0);
    }
}

void load_exception_table() {
    hw::load_idt({sizeof table - 1, reinterpret_cast<u64>(table)});
}

} // namespace septum::kernel::boot

extern "C" [[noreturn, gnu::used]] void boot_exception(septum::u64 vector, septum::u64 error, septum::u64 rip) {
    using namespace septum::kernel::boot;
    refuse({Code::exception, Value::text("exception while checking"), Value::text(doing()), Value::text("none"),
            Value::exception(static_cast<septum::u32>(vector), static_cast<septum::u32>(error), rip)});
}
