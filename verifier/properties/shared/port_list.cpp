// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/port_list.hpp"

namespace septum::verifier {

const std::vector<DangerousPorts>& dangerous_ports() {
    static const std::vector<DangerousPorts> list{
        {0x00, 0x0F, "the ISA DMA controller"},
        {0x20, 0x21, "the interrupt controller"},
        {0x40, 0x43, "the interval timer"},
        {0x60, 0x61, "the keyboard controller and system control"},
        {0x64, 0x64, "the keyboard controller, which can reset the machine"},
        {0x70, 0x71, "the CMOS index, whose top bit masks NMI"},
        {0x80, 0x8F, "the ISA DMA page registers"},
        {0x92, 0x92, "the fast A20 and reset port", true},
        {0xA0, 0xA1, "the interrupt controller"},
        {0xB2, 0xB3, "the SMI command port", true},
        {0xC0, 0xDF, "the ISA DMA controller"},
        {0x4D0, 0x4D1, "the interrupt trigger control"},
        {0x510, 0x51B, "the emulator's firmware interface, which writes memory by itself"},
        {0x600, 0x67F, "the ACPI power management block", true},
        {0xCD8, 0xCF7, "the ACPI CPU hot-plug block"},
        {0xCF8, 0xCF8, "PCI configuration"},
        {0xCF9, 0xCF9, "the reset control register", true},
        {0xCFA, 0xCFF, "PCI configuration"},
        {0x5658, 0x5659, "the emulator's back door"},
    };
    return list;
}

} // namespace septum::verifier
