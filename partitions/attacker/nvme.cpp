// SPDX-License-Identifier: Apache-2.0
#include "partitions/attacker/nvme.hpp"

#include "partitions/attacker/pci.hpp"

#include <septum/runtime/clock.hpp>

namespace septum::attacker {
namespace {

namespace cpu = guest::cpu;

// Registers (NVM Express 1.4 §3.1).
constexpr u64 kConfiguration = 0x14;
constexpr u64 kStatus = 0x1C;
constexpr u64 kQueueSizes = 0x24;
constexpr u64 kSubmissionBase = 0x28;
constexpr u64 kCompletionBase = 0x30;
constexpr u64 kSubmissionTail = 0x1000;
constexpr u64 kCompletionHead = 0x1004;
constexpr u32 kEnableWithSizes = 1U | 6U << 16 | 4U << 20; // entries of 64 and of 16 bytes
constexpr u32 kReady = 1;

constexpr u32 kEntries = 8;
struct Submission {
    u32 words[16];
};
struct Completion {
    volatile u32 words[4];
};
alignas(4096) Submission submissions[kEntries];
alignas(4096) Completion completions[kEntries];

constexpr u32 kIdentify = 0x06; // §5.15
constexpr u32 kController = 1;

void write32(u64 address, u32 value) {
    *reinterpret_cast<volatile u32*>(address) = value;
}
u32 read32(u64 address) {
    return *reinterpret_cast<volatile u32*>(address);
}
void write_address(u64 at, u64 address) {
    write32(at, static_cast<u32>(address));
    write32(at + 4, static_cast<u32>(address >> 32));
}

template <typename Condition>
bool comes_true(Condition condition) {
    const u64 begin = cpu::timestamp();
    while (!condition()) {
        if (cpu::timestamp() - begin > Nvme::kSeconds * guest::tsc_hz()) {
            return false;
        }
        cpu::pause();
    }
    return true;
}

} // namespace

void wait_microseconds(u64 microseconds) {
    const u64 begin = cpu::timestamp();
    while (cpu::timestamp() - begin < guest::tsc_hz() / 1'000'000 * microseconds) {
        cpu::pause();
    }
}

bool Nvme::start() {
    registers_ = pci::registers();
    pci::write(pci::kOwn, pci::kCommand, pci::kMemoryAndMaster);
    write32(registers_ + kQueueSizes, (kEntries - 1) << 16 | (kEntries - 1));
    write_address(registers_ + kSubmissionBase, reinterpret_cast<u64>(submissions));
    write_address(registers_ + kCompletionBase, reinterpret_cast<u64>(completions));
    write32(registers_ + kConfiguration, kEnableWithSizes);
    return comes_true([&] { return (read32(registers_ + kStatus) & kReady) != 0; });
}

bool Nvme::identify(u64 address) {
    const u32 slot = next_ % kEntries;
    const u32 phase = next_ / kEntries % 2 == 0 ? 1 : 0; // a queue of zeros is one of the other phase (§4.6)
    ++next_;
    submissions[slot] = {};
    submissions[slot].words[0] = kIdentify | next_ << 16;
    submissions[slot].words[6] = static_cast<u32>(address);
    submissions[slot].words[7] = static_cast<u32>(address >> 32);
    submissions[slot].words[10] = kController;
    asm volatile("" : : : "memory");
    write32(registers_ + kSubmissionTail, next_ % kEntries);
    if (!comes_true([&] { return (completions[slot].words[3] >> 16 & 1) == phase; })) {
        return false;
    }
    write32(registers_ + kCompletionHead, next_ % kEntries);
    return true;
}

} // namespace septum::attacker
