// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/refusal.hpp"

#include "kernel/boot/line.hpp"

namespace septum::kernel::boot {

namespace {

void say(Line<kLineSize>& line, const Value& value) {
    switch (value.kind()) {
    case Value::Kind::nothing:
        line.put("nothing");
        break;
    case Value::Kind::text:
        line.put(value.words(), value.first());
        break;
    case Value::Kind::hex:
        line.put("0x").hex(value.first(), 1);
        break;
    case Value::Kind::decimal:
        line.decimal(value.first());
        break;
    case Value::Kind::range:
        if (value.words() != nullptr) {
            line.put(value.words()).put(' ');
        }
        line.put("0x").hex(value.first(), 1).put("..0x").hex(value.second(), 1);
        break;
    case Value::Kind::cpu:
        line.put("on the CPU with APIC id ").decimal(value.first());
        break;
    case Value::Kind::pci_id: // vendor:device, as people write it
        line.hex(value.first() & 0xFFFF, 4).put(':').hex(value.first() >> 16 & 0xFFFF, 4);
        break;
    case Value::Kind::bdf:
        line.hex(value.first() >> 8 & 0xFF, 2).put(':').hex(value.first() >> 3 & 0x1F, 2);
        line.put('.').hex(value.first() & 7, 1);
        break;
    case Value::Kind::exception:
        line.put("vector ").decimal(value.first() >> 32).put(" error 0x").hex(value.first() & 0xFFFF'FFFF, 1);
        line.put(" at 0x").hex(value.second(), 1);
        break;
    case Value::Kind::digest:
        line.put("sha256 ").hex(value.first(), 16).put("...");
        break;
    }
}

} // namespace

u64 format(const Refusal& refusal, char (&buffer)[kLineSize]) {
    Line<kLineSize> line(buffer);
    line.put("septum: refused: ");
    say(line, refusal.fact);
    if (refusal.subject.kind() != Value::Kind::nothing) {
        line.put(' ');
        say(line, refusal.subject);
    }
    line.put(": expected ");
    say(line, refusal.expected);
    line.put(", found ");
    say(line, refusal.found);
    line.put(" (code 0x").hex(static_cast<u64>(refusal.code), 2).put(")").put('\n');
    return line.length();
}

} // namespace septum::kernel::boot
