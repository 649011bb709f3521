// SPDX-License-Identifier: Apache-2.0
// Interrupts and DMA of its own device: the disk works, and its messages and transfers go where they must not.
#include "partitions/attacker/attack.hpp"
#include "partitions/attacker/nvme.hpp"
#include "partitions/attacker/pci.hpp"

#include <septum/runtime/interrupts.hpp>

namespace septum::attacker::devices {
namespace {

using namespace pci;

constexpr u8 kVector = 0x50;
constexpr u32 kWindow = 0xFEE0'0000; // messages (PCI 3.0 §6.8.2; APM 2 §16.12)
constexpr u64 kLate = 20'000;        // µs; by then an interrupt has come

alignas(4096) u8 identity[4096];
alignas(16) volatile u32 target; // of a message that is a write into its own memory
constexpr u32 kUntouched = 0x7012'3456;

volatile u32 interrupts;
void take(guest::Frame&) {
    interrupts = interrupts + 1;
}

void let_in(u64 microseconds) {
    asm volatile("sti" : : : "memory");
    wait_microseconds(microseconds);
    asm volatile("cli" : : : "memory");
}

struct Message {
    u32 address, high, data;
};

Message message(const Try& t) {
    const u32 own = kWindow | t.info().apic_ids[0] << 12;
    switch (t.variant()) {
    case 0: return {kWindow | t.foreign_cpu(0) << 12, 0, kVector};
    case 1: return {kWindow | t.foreign_cpu(1) << 12, 0, kVector};
    case 2: return {kWindow | 0xEF << 12, 0, kVector};
    case 3: return {kWindow | 0xFF << 12, 0, kVector}; // to all
    case 4: return {own, 0, 31};                       // an exception's vector
    case 5: return {own, 0, 0};
    case 6: return {kWindow | 0xFF << 12 | 4, 0, kVector};                    // logical
    case 7: return {kWindow | 0x0F << 12 | 0xC, 0, 0x100 | kVector};          // logical, to the lowest priority
    case 8: return {own, 0, 0x200 | kVector};                                 // SMI
    case 9: return {own, 0, 0x400};                                           // NMI
    case 10: return {own, 0, 0x500};                                          // INIT
    case 11: return {own, 0, 0x700};                                          // ExtINT
    case 12: return {own, 0, 0xC000 | kVector};                               // level
    case 13: return {own, 1, kVector};                                        // above 4 GiB
    case 14: return {kWindow | 0x10, 0, 0};                                   // an entry of the remapping table
    case 15: return {static_cast<u32>(reinterpret_cast<u64>(&target)), 0, 1}; // a write into memory
    default: return {~0U, ~0U, ~0U};
    }
}

void set_entry(const Message& m) {
    const u64 at = table();
    volatile u32* entry = reinterpret_cast<volatile u32*>(at);
    entry[3] = 1;
    entry[0] = m.address;
    entry[1] = m.high;
    entry[2] = m.data;
    entry[3] = 0;
}

} // namespace

Result forbidden_messages(const Try& t) {
    guest::on_vector(kVector, take);
    target = kUntouched;
    const u32 msix = find(kMsixId);
    Nvme disk;
    if (msix == 0) {
        return breach("its disk has no MSI-X");
    }
    write(kOwn, msix, kMsixEnable); // first: QEMU's disk uses no entry for queues that were made before
    if (!disk.start()) {
        return breach("its disk does not come up");
    }
    set_entry(message(t));
    if (!disk.identify(reinterpret_cast<u64>(identity))) {
        return breach("its disk does not answer");
    }
    let_in(kLate);
    if (interrupts != 0 || target != kUntouched) {
        return breach("the message arrived");
    }
    set_entry({kWindow | t.info().apic_ids[0] << 12, 0, kVector});
    if (!disk.identify(reinterpret_cast<u64>(identity))) {
        return breach("its disk answers no more");
    }
    for (u32 i = 0; i < 100 && interrupts == 0; ++i) {
        let_in(kLate);
    }
    return interrupts != 0 ? nothing("it did not arrive; a proper one does") : breach("a proper one does not arrive");
}

Result transfers_outside(const Try& t) {
    constexpr u64 kPlaces[] = {0x100'0000,  0x3000'0000, 0xD000'0000,  0xE000'0000,
                               0xF060'0000, 0xFED9'0000, 0x1'0000'0000};
    const volatile u8* const first = identity; // of what Identify gives: the vendor, 0x1b36
    Nvme disk;
    if (!disk.start() || !disk.identify(reinterpret_cast<u64>(identity)) || first[0] != 0x36 || first[1] != 0x1B) {
        return breach("its disk does not work in its own memory");
    }
    // Whether it completes is the disk's affair; that it was blocked, the kernel says, and the witnesses find nothing.
    const bool completed = disk.identify(kPlaces[t.variant()]);
    t.note("to ", guest::Hex{kPlaces[t.variant()]}, completed ? ", completed" : ", no completion");
    return nothing("the disk was told so");
}

} // namespace septum::attacker::devices
