// SPDX-License-Identifier: Apache-2.0
#include "partitions/edu/device.hpp"

#include <septum/guest/board.hpp>
#include <septum/runtime/cpu.hpp>

namespace septum::edu {

namespace {

namespace cpu = guest::cpu;

constexpr u32 kFunction = 0x8000'0800; // enabled; bus 0, device 1, function 0

// Registers (PCI 3.0 §6.1, §6.8.1).
constexpr u32 kBar0 = 0x10;
constexpr u32 kCapabilities = 0x34;
constexpr u32 kMsiId = 5;
constexpr u32 kMsiControl = 2;
constexpr u16 kMsiEnable = 1u << 0;
constexpr u16 kMsi64 = 1u << 7;

// The device's own.
constexpr u64 kIdentity = 0x00;
constexpr u32 kIs = 0x0100'00ED;
constexpr u64 kSource = 0x80;
constexpr u64 kDestination = 0x88;
constexpr u64 kCount = 0x90;
constexpr u64 kOrder = 0x98;
constexpr u64 kRun = 1;
constexpr u64 kInterrupt = 4;

u16 data_port(u32 offset) { // of a word
    cpu::out32(guest::kPciAddressPort, kFunction | (offset & ~3u));
    return static_cast<u16>(guest::kPciDataPort + (offset & 2));
}
u16 read_word(u32 offset) {
    return cpu::in16(data_port(offset));
}
void write_word(u32 offset, u16 value) {
    cpu::out16(data_port(offset), value);
}

u32 find_msi() {
    u32 at = config_read(kCapabilities) & 0xFC;
    for (u32 i = 0; i < 48 && at != 0; ++i) {
        const u32 header = config_read(at);
        if ((header & 0xFF) == kMsiId) {
            return at;
        }
        at = header >> 8 & 0xFC;
    }
    return 0;
}

} // namespace

u32 config_read(u32 offset) {
    cpu::out32(guest::kPciAddressPort, kFunction | offset);
    return cpu::in32(guest::kPciDataPort);
}

void config_write(u32 offset, u32 value) {
    cpu::out32(guest::kPciAddressPort, kFunction | offset);
    cpu::out32(guest::kPciDataPort, value);
}

bool Device::start(u32 apic_id, const char*& why) {
    if (config_read(0) != kId) {
        why = "there is no edu at 00:01.0";
        return false;
    }
    registers_ = config_read(kBar0) & ~0xFu;
    msi_ = find_msi();
    if (registers_ < guest::kPciBase || registers_ >= guest::kPciLimit || msi_ == 0) {
        why = "its registers are not in the window, or it has no MSI";
        return false;
    }
    config_write(kCommand, kMemoryAndMaster);
    if (read32(kIdentity) != kIs) {
        why = "its registers do not answer";
        return false;
    }
    wide_ = (read_word(msi_ + kMsiControl) & kMsi64) != 0;
    route({0xFEE0'0000u | apic_id << 12, 0, kVector});
    turn_on(true);
    return true;
}

void Device::route(const Message& message) const {
    config_write(msi_ + 4, message.address);
    if (wide_) {
        config_write(msi_ + 8, message.high);
    }
    write_word(msi_ + (wide_ ? 12 : 8), static_cast<u16>(message.data));
}

void Device::turn_on(bool on) const {
    const u16 control = read_word(msi_ + kMsiControl);
    write_word(msi_ + kMsiControl, static_cast<u16>(on ? control | kMsiEnable : control & ~kMsiEnable));
}

void Device::begin(u64 source, u64 destination, u64 bytes, u64 command) {
    write64(kSource, source);
    write64(kDestination, destination);
    write64(kCount, bytes);
    write64(kOrder, command | kRun);
}

void Device::begin_delivery(u64 address, u64 bytes) {
    begin(kBuffer, address, bytes, 2);
}

void Device::run(u64 source, u64 destination, u64 bytes, u64 direction, bool interrupt) {
    begin(source, destination, bytes, direction | (interrupt ? kInterrupt : 0));
    while ((read64(kOrder) & kRun) != 0) {
        asm volatile("pause" : : : "memory");
    }
}

} // namespace septum::edu
