// SPDX-License-Identifier: Apache-2.0
// Ports it was not given: absent ones answer as empty hardware does, dangerous ones end the launch.
#include "partitions/intruder/attack.hpp"

#include <septum/runtime/cpu.hpp>

namespace septum::intruder::ports {
namespace {

using guest::Hex;
namespace cpu = guest::cpu;

constexpr u16 kSecondSerial = 0x2F8;
constexpr u16 kPciAddress = 0xCF8;
constexpr u16 kPciData = 0xCFC;
constexpr u16 kReset = 0xCF9;
constexpr u16 kSystemManagement = 0xB2;
constexpr u16 kPowerControl = 0x604; // PM1a control on Q35

constexpr Result kWentThrough = breach("the access went through");

} // namespace

Result read_absent(const Try& t) {
    t.say("read the second serial port, ", Hex{kSecondSerial});
    return cpu::in8(kSecondSerial) == 0xFF && cpu::in16(kSecondSerial) == 0xFFFF ? nothing("there is none: all ones")
                                                                                 : breach("something answers");
}

Result pci_configuration(const Try& t) {
    t.say("look for PCI devices by ports ", Hex{kPciAddress}, " and ", Hex{kPciData});
    constexpr u32 kEnable = 1U << 31;
    for (u32 device = 0; device < 32; ++device) {
        cpu::out32(kPciAddress, kEnable | device << 11);
        if (cpu::in32(kPciData) != ~0U) {
            return breach("a device answers");
        }
    }
    return nothing("no device answers");
}

Result reset(const Try& t) {
    t.say("reset the machine by port ", Hex{kReset});
    cpu::out8(kReset, 0x06);
    return kWentThrough;
}

Result system_management(const Try& t) {
    t.say("call system management mode by port ", Hex{kSystemManagement});
    cpu::out8(kSystemManagement, 0);
    return kWentThrough;
}

Result power_management(const Try& t) {
    t.say("switch the machine off by port ", Hex{kPowerControl});
    cpu::out16(kPowerControl, 0x2000);
    return kWentThrough;
}

Result straddle(const Try& t) {
    t.say("reach the reset port with a word written one port below it");
    cpu::out16(kReset - 1, 0x0600);
    return kWentThrough;
}

Result string_output(const Try& t) {
    t.say("write a string to its own console port, counting on an emulator's mistakes");
    const char* text = "intruder: forged\n";
    u64 count = 17;
    u64 port = guest::kUartPort;
    asm volatile("rep outsb" : "+S"(text), "+c"(count), "+d"(port) : : "memory");
    return kWentThrough;
}

} // namespace septum::intruder::ports
