// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/vt_d.hpp"

#include "kernel/boot/pages.hpp"
#include "kernel/hw/control.hpp"
#include "kernel/hw/mmio.hpp"
#include "kernel/x86_64/iommu/vt_d_format.hpp"

namespace septum::kernel::iommu {

namespace {

using boot::Code;
using boot::Refusal;
using boot::Value;

using namespace vt_d;

// Registers that only the boot part uses (§11.4).
constexpr u64 kVersion = 0x00;
constexpr u64 kExtended = 0x10;
constexpr u64 kRootTable = 0x20;
constexpr u64 kProtectedMemory = 0x64;
constexpr u64 kQueueHead = 0x80;
constexpr u64 kQueueAddress = 0x90;
constexpr u64 kCompletionControl = 0xA0;
constexpr u64 kInterruptTable = 0xB8;

// Command and status (§11.4.4): the same bits; those set by kOneShot read as done, not as state.
constexpr u32 kTranslation = 1u << 31;
constexpr u32 kSetRootTable = 1u << 30;
constexpr u32 kFlushWriteBuffer = 1u << 27;
constexpr u32 kQueue = 1u << 26;
constexpr u32 kRemapping = 1u << 25;
constexpr u32 kSetInterruptTable = 1u << 24;
constexpr u32 kCompatibilityFormat = 1u << 23;
constexpr u32 kOneShot = kSetRootTable | 1u << 29 | kFlushWriteBuffer | kSetInterruptTable;

constexpr u64 kNeedsWriteBufferFlush = 1u << 4;   // CAP_REG.RWBF
constexpr u64 kProtectedLow = 1u << 5;            // CAP_REG.PLMR
constexpr u64 kProtectedHigh = 1u << 6;           // CAP_REG.PHMR
constexpr u64 kInterruptTableExtended = 1u << 11; // IRTA_REG.EIME
constexpr u32 kProtectedEnable = 1u << 31;        // PMEN_REG.EPM
constexpr u32 kProtectedStatus = 1u << 0;         // PMEN_REG.PRS

struct alignas(kPageSize) Page {
    u64 words[kPageSize / 8];
};

Page nothing; // as a root table: no bus present; as an interrupt table: 256 entries, none present
alignas(kPageSize) Order queue[kPageSize / sizeof(Order)];
volatile u32 waited;

class Unit {
public:
    explicit Unit(Hpa registers) : registers_(registers) {}

    [[nodiscard]] VtdIdentity identity() const { return {read32(kVersion), read64(kCapability), read64(kExtended)}; }

    // Turns one of the lasting bits of the command register on or off.
    [[nodiscard]] Refusal turn(u32 bit, bool on, const char* what) const {
        const u32 state = read32(kStatus) & ~kOneShot;
        if (((state & bit) != 0) == on) {
            return boot::kHolds;
        }
        write32(kCommand, on ? state | bit : state & ~bit);
        return poll(kStatus, bit, on ? bit : 0, what);
    }

    // Does one of the one-shot commands.
    [[nodiscard]] Refusal order(u32 bit, const char* what) const {
        write32(kCommand, (read32(kStatus) & ~kOneShot) | bit);
        return poll(kStatus, bit, bit == kFlushWriteBuffer ? 0 : bit, what);
    }

    // The tables in memory are about to change hands: nothing of them may linger in a cache.
    [[nodiscard]] Refusal flush() const {
        boot::write_back_caches(); // ECAP_REG.C may be 0
        if ((read64(kCapability) & kNeedsWriteBufferFlush) != 0) {
            return order(kFlushWriteBuffer, "iommu write buffer flush");
        }
        return boot::kHolds;
    }

    [[nodiscard]] Refusal start_queue(Hpa page) const {
        SEPTUM_REQUIRE(stop_queue());
        write64(kQueueTail, 0);
        write64(kQueueAddress, page.value); // one page of 128-bit descriptors
        return turn(kQueue, true, "iommu invalidation queue on");
    }

    // Firmware may have left one running; it has to be empty before it is stopped (§11.4.4.1).
    [[nodiscard]] Refusal stop_queue() const {
        if ((read32(kStatus) & kQueue) == 0) {
            return boot::kHolds;
        }
        for (u32 polls = 0; read64(kQueueHead) != read64(kQueueTail) && polls < kMaxPolls; polls++) {
            hw::pause();
        }
        return turn(kQueue, false, "iommu invalidation queue off");
    }

    // Drops all that the unit remembers of one kind, and waits until it is done.
    [[nodiscard]] Refusal invalidate(const Order& what) const {
        waited = 0;
        u64 tail = read64(kQueueTail) / sizeof(Order);
        queue[tail] = what;
        tail = (tail + 1) % (sizeof queue / sizeof queue[0]);
        queue[tail] = wait(Hpa{reinterpret_cast<u64>(&waited)});
        tail = (tail + 1) % (sizeof queue / sizeof queue[0]);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        write64(kQueueTail, tail * sizeof(Order));
        for (u32 polls = 0; polls < kMaxPolls; polls++) {
            if (waited == kDone) {
                return boot::kHolds;
            }
            hw::pause();
        }
        return {Code::iommu, Value::text("iommu invalidation"), Value::hex(what.low), Value::text("done"),
                Value::text("no answer")};
    }

    [[nodiscard]] Refusal point_at(Hpa root, Hpa interrupts, u64 entries, bool extended) const {
        SEPTUM_REQUIRE(flush());
        u64 order_of_size = 0; // IRTA_REG.S: 2^(S+1) entries
        while (u64{2} << order_of_size < entries) {
            order_of_size++;
        }
        write64(kInterruptTable, interrupts.value | (extended ? kInterruptTableExtended : 0) | order_of_size);
        SEPTUM_REQUIRE(order(kSetInterruptTable, "iommu interrupt table"));
        SEPTUM_REQUIRE(invalidate(kAllInterruptEntries));
        write64(kRootTable, root.value); // legacy mode
        SEPTUM_REQUIRE(order(kSetRootTable, "iommu root table"));
        SEPTUM_REQUIRE(invalidate(kAllContexts));
        return invalidate(kAllTranslations);
    }

    [[nodiscard]] Refusal protected_regions_off() const {
        if ((read64(kCapability) & (kProtectedLow | kProtectedHigh)) == 0) {
            return boot::kHolds;
        }
        write32(kProtectedMemory, read32(kProtectedMemory) & ~kProtectedEnable);
        return poll(kProtectedMemory, kProtectedStatus, 0, "iommu protected memory off");
    }

    // The resident part listens for faults, once it can take them.
    void mask_own_interrupts() const {
        write32(kFaultControl, kInterruptMask);
        write32(kCompletionControl, kInterruptMask);
    }

    // What was recorded before now is nobody's of ours.
    void forget_faults() const {
        const u64 capability = read64(kCapability);
        for (u32 i = 0; i < fault_record_count(capability); i++) {
            write32(fault_records(capability) + u64{i} * 16 + 12, static_cast<u32>(kRecorded >> 32));
        }
        write32(kFaultStatus, kFaultOverflow | kQueueErrors);
    }

private:
    [[nodiscard]] u32 read32(u64 offset) const { return hw::mmio_read32(registers_ + offset); }
    [[nodiscard]] u64 read64(u64 offset) const { return hw::mmio_read64(registers_ + offset); }
    void write32(u64 offset, u32 value) const { hw::mmio_write32(registers_ + offset, value); }
    void write64(u64 offset, u64 value) const { hw::mmio_write64(registers_ + offset, value); }

    [[nodiscard]] Refusal poll(u64 offset, u32 mask, u32 expected, const char* what) const {
        for (u32 polls = 0; polls < kMaxPolls; polls++) {
            if ((read32(offset) & mask) == expected) {
                return boot::kHolds;
            }
            hw::pause();
        }
        return {Code::iommu, Value::text(what), {}, Value::hex(expected), Value::hex(read32(offset) & mask)};
    }

    Hpa registers_;
};

} // namespace

Refusal block_all(const manifest::Iommu& iommu) {
    const Unit unit(iommu.registers);
    SEPTUM_REQUIRE(check_identity(iommu, unit.identity()));
    unit.mask_own_interrupts();
    SEPTUM_REQUIRE(unit.start_queue(Hpa{reinterpret_cast<u64>(queue)}));
    const Hpa zeros{reinterpret_cast<u64>(&nothing)};
    SEPTUM_REQUIRE(unit.point_at(zeros, zeros, 256, false));
    SEPTUM_REQUIRE(unit.turn(kCompatibilityFormat, false, "iommu compatibility format off"));
    SEPTUM_REQUIRE(unit.turn(kRemapping, true, "iommu interrupt remapping on"));
    SEPTUM_REQUIRE(unit.turn(kTranslation, true, "iommu translation on"));
    return unit.protected_regions_off();
}

Refusal use_sealed_tables(const manifest::Header& header) {
    const manifest::Iommu& iommu = header.iommu;
    const Unit unit(iommu.registers);
    SEPTUM_REQUIRE(unit.point_at(iommu.root_table, iommu.interrupt_table, iommu.interrupt_table_entries,
                                 extended_interrupts(header)));
    SEPTUM_REQUIRE(unit.stop_queue()); // its page is boot memory
    unit.forget_faults();
    return unit.start_queue(iommu.queue);
}

} // namespace septum::kernel::iommu
