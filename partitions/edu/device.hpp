// SPDX-License-Identifier: Apache-2.0
// A driver for QEMU's `edu` device (1234:11e8; docs/specs/edu in QEMU): a buffer of 4 KiB and a DMA engine that copies
// between it and memory.
#pragma once

#include <septum/types.hpp>

namespace septum::edu {

inline constexpr u32 kId = 0x11E8'1234;
inline constexpr u64 kBufferSize = 4096;
inline constexpr u8 kVector = 0x50;

// Configuration space of virtual function 00:01.0 (PCI 3.0 §3.2.2.3.2).
u32 config_read(u32 offset);
void config_write(u32 offset, u32 value);
inline constexpr u32 kCommand = 0x04;
inline constexpr u32 kMemoryAndMaster = 0x6;

// What the device writes to raise its interrupt.
struct Message {
    u32 address, high, data;
};

class Device {
public:
    // Finds the function, its registers and its MSI capability; turns on decoding, bus mastering and the interrupt
    // `kVector` at the CPU with this APIC id. False: it is not there, or not as it should be; `why` says what.
    bool start(u32 apic_id, const char*& why);

    [[nodiscard]] u64 registers() const { return registers_; }
    [[nodiscard]] u32 msi() const { return msi_; }

    // One transfer of `bytes` (at most kBufferSize) between memory at `address` and the buffer. Waits until the device
    // says that it is done (it takes 100 ms). `interrupt`: the device is to raise one.
    void fetch(u64 address, u64 bytes, bool interrupt = false) { run(address, kBuffer, bytes, 0, interrupt); }
    void deliver(u64 address, u64 bytes, bool interrupt = false) { run(kBuffer, address, bytes, 2, interrupt); }

    // The same as deliver, without waiting.
    void begin_delivery(u64 address, u64 bytes);

    // Its interrupt is this message from now on. MSI stays as it is, on or off.
    void route(const Message& message) const;
    void turn_on(bool on) const;

    // The device asks for an interrupt.
    void raise() { write32(kRaise, 1); }
    void acknowledge() { write32(kAcknowledge, read32(kPending)); }

private:
    static constexpr u64 kBuffer = 0x40000; // as the DMA engine calls it
    static constexpr u64 kPending = 0x24;
    static constexpr u64 kRaise = 0x60;
    static constexpr u64 kAcknowledge = 0x64;

    void run(u64 source, u64 destination, u64 bytes, u64 direction, bool interrupt);
    void begin(u64 source, u64 destination, u64 bytes, u64 command);
    [[nodiscard]] u32 read32(u64 offset) const { return *reinterpret_cast<volatile u32*>(registers_ + offset); }
    void write32(u64 offset, u32 value) const { *reinterpret_cast<volatile u32*>(registers_ + offset) = value; }
    [[nodiscard]] u64 read64(u64 offset) const { return *reinterpret_cast<volatile u64*>(registers_ + offset); }
    void write64(u64 offset, u64 value) const { *reinterpret_cast<volatile u64*>(registers_ + offset) = value; }

    u64 registers_ = 0;
    u32 msi_ = 0;
    bool wide_ = false; // its messages have 64-bit addresses
};

} // namespace septum::edu
