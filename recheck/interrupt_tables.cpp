// SPDX-License-Identifier: Apache-2.0
// Entries of interrupt tables. The kernel changes them at run time, within what the manifest says of their device: so
// each must be its device's alone, and none be present but the watchdog's.
#include "recheck/tables.hpp"

#include <algorithm>
#include <optional>

namespace septum::recheck {

namespace {

// What an entry that is present sends.
struct Message {
    std::uint64_t destination = 0;
    std::uint64_t vector = 0;
    std::uint64_t mode = 0;  // VT-d's DLM and AMD's IntType name the same by the same numbers
    std::uint64_t other = 0; // not 0: not to one processor by its own id
};

void check_message(const Interrupts& own, const Message& message, const std::string& where) {
    static constexpr const char* kModes[] = {"fixed", "lowest-priority", "smi", "3", "nmi", "init", "6", "extint"};
    if (std::find(own.cpus.begin(), own.cpus.end(), message.destination) == own.cpus.end() || message.other != 0) {
        throw Differs(where + "sends to CPU " + std::to_string(message.destination) + " or to several, which `" +
                      own.owner + "` does not own");
    }
    if (message.vector < own.vectors.first || kModes[message.mode] != own.delivery) {
        throw Differs(where + "sends vector " + hex(message.vector) + " as " + kModes[message.mode] + ", which `" +
                      own.owner + "` may not have");
    }
}

// One entry that lets a message through, or is kept for `requester`. `kept` is false when nothing but its device says
// so: then it may be nobody's.
void meet(std::vector<Owned>& devices, std::uint64_t table, std::uint32_t index, std::uint64_t requester,
          const std::optional<Message>& message, bool kept) {
    const std::string where = "interrupt entry " + std::to_string(index) + " of the table at " + hex(table) + " ";
    for (Owned& device : devices) {
        const Interrupts& own = device.interrupts;
        if (own.table != table || own.requester != requester || index < own.entries.first || index > own.entries.last)
            continue;
        if (message)
            check_message(own, *message, where);
        if (message.has_value() != own.present)
            throw Differs(where + (own.present ? "is not present" : "is present before `" + own.owner + "` runs"));
        ++device.met;
        return;
    }
    if (message || kept)
        throw Differs(where + "is for requester " + hex(requester) + ", to which the manifest does not give it");
}

} // namespace

void vtd_interrupts(Host& host, const manifest::Iommu& unit, std::vector<Owned>& devices) {
    const std::uint64_t count = unit.interrupt_table_entries;
    if (count < 2 || count > kIds || (count & (count - 1)) != 0)
        throw Differs("no interrupt remapping table has " + std::to_string(count) + " entries");
    const std::uint64_t base = unit.interrupt_table.value;
    const Bytes table = host.table(base, count * 16, "the interrupt remapping table");
    const bool extended = (unit.extended & unit.extended_mask & 1U << 4) != 0; // ECAP_REG.EIM, §11.4.3
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t low = word(table, 2UL * i);
        const std::uint64_t high = word(table, 2UL * i + 1);
        const std::uint64_t source = high & 0xFFFF;
        std::optional<Message> message;
        if ((low & 1) != 0) // P; then destination, vector, DLM, IM and DM
            message = {extended ? low >> 32 : low >> 40 & 0xFF, low >> 16 & 0xFF, low >> 5 & 7, low & 0x8004};
        if (!message && high == 0)
            continue;
        if (high >> 16 != 4) { // SVT 01b and SQ 00b compare all bits of SID
            throw Differs("interrupt entry " + std::to_string(i) + " of the table at " + hex(base) +
                          " does not check that its source is requester " + hex(source));
        }
        meet(devices, base, i, source, message, true);
    }
}

void amd_interrupts(Host& host, std::uint32_t id, std::uint64_t entry, bool wide, std::vector<Owned>& devices) {
    const std::uint64_t control = entry >> 60 & 3; // IntCtl: 0 refuses, 2 remaps
    const std::uint64_t length = entry >> 1 & 15;  // IntTabLen
    // IV; INIT, ExtINT, NMI, LINT0 and LINT1 let through as they are.
    if ((entry & 1) == 0 || (entry >> 56 & 7) != 0 || entry >> 62 != 0 || control % 2 != 0 || length > 11)
        throw Differs("interrupts of requester " + hex(id) + " are not all held by the IOMMU's device table");
    if (control == 0)
        return;
    const std::uint64_t root = entry & 0x000F'FFFF'FFFF'FFC0;
    const std::uint64_t size = wide ? 16 : 4;
    const Bytes table = host.table(root, size << length, "the interrupt table of requester " + hex(id), 128);
    for (std::uint32_t i = 0; i < 1U << length; ++i) {
        const std::uint64_t low = wide ? word(table, 2UL * i) : read_at<std::uint32_t>(table, 4UL * i);
        const std::uint64_t high = wide ? word(table, 2UL * i + 1) : 0;
        std::optional<Message> message;
        if ((low & 1) != 0) // RemapEn; then destination, vector, IntType, DM and GuestMode
            message = {wide ? (low >> 8 & 0xFF'FFFF) | high >> 56 << 24 : low >> 8 & 0xFF,
                       wide ? high & 0xFF : low >> 16 & 0xFF, low >> 2 & 7, low & 0xC0};
        meet(devices, root, i, id, message, false);
    }
}

} // namespace septum::recheck
