// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/decide.hpp"
#include "kernel/core/device.hpp"

#include <septum/guest/board.hpp>

namespace septum::kernel::core {

namespace {

// 16550 registers (TI TL16C550 data sheet §8).
constexpr u8 kLineControlDivisor = 0x80;
constexpr u8 kModemControlLoop = 0x10;
constexpr u8 kLineStatusEmpty = 0x60;  // transmitter always ready: what does not fit the ring is dropped, not waited for
constexpr u8 kModemStatusReady = 0xB0; // CTS, DSR, DCD

u8 read_uart(Uart& uart, u32 offset, Effects& effects) {
    effects.set |= kDrain;
    const bool divisor = (uart.line_control & kLineControlDivisor) != 0;
    switch (offset) {
    case 0: return divisor ? uart.divisor_low : 0;
    case 1: return divisor ? uart.divisor_high : uart.interrupt_enable;
    case 2: return static_cast<u8>((uart.fifo ? 0xC0 : 0) | ((uart.interrupt_enable & 2) != 0 ? 2 : 1));
    case 3: return uart.line_control;
    case 4: return uart.modem_control;
    case 5: return kLineStatusEmpty;
    case 6:
        if ((uart.modem_control & kModemControlLoop) != 0) { // RTS, DTR, OUT1, OUT2 come back as CTS, DSR, RI, DCD
            const u8 out = uart.modem_control;
            return static_cast<u8>((out & 2) << 3 | (out & 1) << 5 | (out & 4) << 4 | (out & 8) << 4);
        }
        return kModemStatusReady;
    default: return uart.scratch;
    }
}

void write_uart(Uart& uart, u32 offset, u8 value, Effects& effects) {
    const bool divisor = (uart.line_control & kLineControlDivisor) != 0;
    switch (offset) {
    case 0:
        if (divisor) {
            uart.divisor_low = value;
        } else if ((uart.modem_control & kModemControlLoop) == 0) {
            effects.set |= kConsole | kDrain;
            effects.character = value;
        }
        break;
    case 1:
        if (divisor) {
            uart.divisor_high = value;
        } else {
            uart.interrupt_enable = value & 0x0F;
        }
        break;
    case 2: uart.fifo = (value & 1) != 0; break;
    case 3: uart.line_control = value; break;
    case 4: uart.modem_control = value & 0x1F; break;
    case 7: uart.scratch = value; break;
    default: break; // LSR and MSR are read-only
    }
}

// A doubleword at 0xCF8 is PCI's CONFIG_ADDRESS and nothing else (PCI 3.0 §3.2.2.3.2); only narrower accesses reach the reset
// control register at 0xCF9. Everywhere else one forbidden byte is enough.
bool is_config_address(u32 first, u32 width) { return first == 0xCF8 && width == 4; }

} // namespace

void answer_port(const Manifest& manifest, CpuState& cpu, PartitionState& partition, const Exit& exit, Effects& effects) {
    const u32 first = static_cast<u32>(exit.address) & 0xFFFF;
    const u32 last = first + exit.width - 1;
    const manifest::PortRule* rule = nullptr;
    for (u32 i = 0; i < manifest::kMaxPortRules; i++) {
        const manifest::PortRule* candidate = manifest.ports.at(i);
        if (candidate == nullptr || candidate->first > last) {
            break; // sorted: nothing further can touch the access
        }
        if (candidate->last < first) {
            continue;
        }
        if (candidate->answer == manifest::PortAnswer::forbidden && !is_config_address(first, exit.width)) {
            forbid(effects, Fault::port);
            return;
        }
        if (rule == nullptr) {
            rule = candidate;
        }
    }
    effects.set |= kAdvance;
    const bool reads = exit.kind == ExitKind::port_in;
    if (rule != nullptr &&
        (rule->answer == manifest::PortAnswer::pci_address || rule->answer == manifest::PortAnswer::pci_data)) [[unlikely]] {
        const PortAccess access{static_cast<u16>(first), exit.width, reads, static_cast<u32>(exit.value)};
        effects.set |= answer_pci(manifest, cpu, partition, rule->answer, access);
        return;
    }
    // Registers of virtual devices are one byte wide; constants answer every width; the rest is absent.
    const bool answers = rule != nullptr && rule->first <= first && last <= rule->last &&
                         (exit.width == 1 || rule->answer == manifest::PortAnswer::constant);
    u32 value = 0xFFFF'FFFF;
    if (answers) {
        const u8 written = static_cast<u8>(exit.value);
        switch (rule->answer) {
        case manifest::PortAnswer::constant: value = rule->value * 0x0101'0101u; break;
        case manifest::PortAnswer::uart:
            if (reads) {
                value = read_uart(partition.uart, first - rule->first, effects);
            } else {
                write_uart(partition.uart, first - rule->first, written, effects);
            }
            break;
        case manifest::PortAnswer::doorbell:
            if (reads) {
                value = take_rung(partition);
            } else {
                static_cast<void>(ring(manifest, written, effects));
            }
            break;
        case manifest::PortAnswer::sleep:
            if (reads) {
                value = 0;
            } else if (written == guest::kSleepPowerOff) {
                effects.set |= kStop;
            }
            break;
        case manifest::PortAnswer::reset:
            if (!reads) {
                effects.set |= kRestart;
            }
            break;
        case manifest::PortAnswer::pit:
        case manifest::PortAnswer::pit_gate: effects.set |= kPit; return;
        case manifest::PortAnswer::pci_address:
        case manifest::PortAnswer::pci_data:
        case manifest::PortAnswer::forbidden: break;
        }
    }
    if (reads) {
        cpu.registers[kRax] = merge_register(cpu.registers[kRax], value, exit.width);
    }
}

} // namespace septum::kernel::core
