// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/vtd.hpp"

#include "verifier/decode/dma_walk.hpp"

namespace septum::verifier::decode {

namespace {

constexpr std::uint64_t kPresent = 1;
constexpr unsigned kBuses = 256;
constexpr unsigned kFunctions = 256; // device << 3 | function
constexpr unsigned kEntries = 512;
constexpr std::uint64_t kPageSizeBit = 1 << 7;
constexpr std::uint64_t kNoFaultReport = 1 << 1; // FPD of context and interrupt entries

class VtdWalk : DmaWalk {
public:
    VtdWalk(const HostMemory& memory, std::uint32_t width, const std::string& what, DmaTables& out)
        : DmaWalk(memory, width, what, out) {}

    void root(std::uint64_t base) {
        const auto bytes = page(base, "root table", base);
        if (!bytes) {
            add(0, 0xFFFF, {DmaState::unknown, 0});
            return;
        }
        for (unsigned bus = 0; bus < kBuses; ++bus) { // §9.1
            const std::uint64_t low = *le64(*bytes, 16ULL * bus);
            const std::uint64_t high = *le64(*bytes, 16ULL * bus + 8);
            const std::uint64_t at = (base & ~(kPageSize - 1)) + 16ULL * bus;
            const std::uint32_t first = bus * kFunctions;
            if ((low & kPresent) == 0) {
                if (low != 0 || high != 0) {
                    reserved("root entry of bus " + std::to_string(bus) + " is not present yet not zero", at, 0,
                             low | high);
                }
                add(first, first + kFunctions - 1, {DmaState::blocked, 0});
                continue;
            }
            if ((low & (bits(11, 1) | bits(63, 52) | beyond_)) != 0 || high != 0) {
                reserved("root entry of bus " + std::to_string(bus) + " has reserved bits set", at,
                         low & ~(bits(11, 1) | bits(63, 52) | beyond_), low);
            }
            contexts(low & address_, bus, at);
        }
        finish();
    }

private:
    void contexts(std::uint64_t base, unsigned bus, std::uint64_t from) {
        const std::uint32_t first = bus * kFunctions;
        const auto bytes = page(base, "context table of bus " + std::to_string(bus), from, true);
        if (!bytes) {
            add(first, first + kFunctions - 1, {DmaState::unknown, 0});
            return;
        }
        for (unsigned i = 0; i < kFunctions; ++i) { // §9.3
            const std::uint64_t low = *le64(*bytes, 16ULL * i);
            const std::uint64_t high = *le64(*bytes, 16ULL * i + 8);
            add(first + i, first + i, context(low, high, base + 16ULL * i, first + i));
        }
    }

    Answer context(std::uint64_t low, std::uint64_t high, std::uint64_t at, std::uint32_t requester) {
        const auto what = [&](const char* text) { return "context entry of requester " + hex(requester) + text; };
        if ((low & kPresent) == 0) {
            if (low != 0 || high != 0) {
                reserved(what(" is not present yet not zero"), at, 0, low | high);
            }
            return {DmaState::blocked, 0};
        }
        if ((low & kNoFaultReport) != 0) {
            wrong(what(" keeps its faults from being reported"), at, low & ~kNoFaultReport, low);
        }
        const std::uint64_t reserved_low = bits(11, 4) | bits(63, 52) | beyond_;
        constexpr std::uint64_t kReservedHigh = bits(63, 24) | bits(7, 3); // the software's own bits included
        if ((low & reserved_low) != 0 || (high & kReservedHigh) != 0) {
            reserved(what(" has reserved bits set"), at, low & ~reserved_low, low);
        }
        const std::uint64_t type = field(low, 3, 2);
        if (type == 2) {
            return {DmaState::passthrough, 0};
        }
        const std::uint64_t width = field(high, 2, 0); // AW: 1 = 3 levels, 2 = 4, 3 = 5
        if (type == 3 || width < 1 || width > 3) {
            reserved(what(" has a translation type or width without meaning"), at, 0, low);
            return {DmaState::unknown, 0};
        }
        DmaDomain domain;
        domain.id = static_cast<std::uint16_t>(field(high, 23, 8));
        domain.root = low & address_;
        domain.levels = static_cast<int>(width) + 2;
        domain.device_tlb = type == 1;
        if (const auto before = known(domain)) {
            return {DmaState::translated, *before};
        }
        if (!room(at)) {
            return {DmaState::unknown, 0};
        }
        seen_.clear();
        second_stage(domain, domain.root, domain.levels, 0, kAccessRead | kAccessWrite, at);
        out_.domains.push_back(std::move(domain));
        return {DmaState::translated, static_cast<std::uint32_t>(out_.domains.size() - 1)};
    }

    void second_stage(DmaDomain& domain, std::uint64_t table, int level, std::uint64_t input, std::uint8_t access,
                      std::uint64_t from) {
        const auto bytes = page(table, "second-stage table", from);
        if (!bytes) {
            domain.complete = false;
            return;
        }
        if (!another(domain, table, from)) {
            return;
        }
        const unsigned shift = 12 + 9 * static_cast<unsigned>(level - 1);
        for (unsigned i = 0; i < kEntries; ++i) { // §9.8
            const std::uint64_t entry = *le64(*bytes, 8ULL * i);
            const auto rights = static_cast<std::uint8_t>(entry & 3); // R, W: the same bits as kAccess…
            const std::uint64_t at = table + 8ULL * i;
            if (rights == 0) {
                if (entry != 0) {
                    reserved("second-stage entry is not present yet not zero", at, 0, entry);
                }
                continue;
            }
            const std::uint64_t first = input + (std::uint64_t{i} << shift);
            const bool large = level > 1 && (entry & kPageSizeBit) != 0;
            // All that is not R, W, PS and the address: execute, memory type, snoop and the ignored bits are not ours.
            std::uint64_t strange = entry & (beyond_ | bits(6, 2) | bits(11, 8) | bits(63, 52));
            if (level == 1 || (large && level > 3)) {
                strange |= entry & kPageSizeBit;
            }
            if (large && level <= 3) {
                strange |= entry & bits(shift - 1, 12);
            }
            if (strange != 0) {
                reserved("second-stage entry has reserved bits set", at, entry & ~strange, entry);
            }
            const auto both = static_cast<std::uint8_t>(access & rights);
            if (level == 1 || (large && level <= 3)) {
                leaf(domain, first, (entry & address_) & ~((1ULL << shift) - 1), 1ULL << shift, both,
                     static_cast<std::uint8_t>(1U << (level - 1)), at);
            } else {
                second_stage(domain, entry & address_, level - 1, first, both, at);
            }
            if (exhausted()) {
                return;
            }
        }
    }
};

} // namespace

DmaTables decode_vtd(const HostMemory& memory, std::uint64_t root_table, std::uint32_t physical_address_bits,
                     const std::string& what) {
    DmaTables result;
    VtdWalk(memory, physical_address_bits, what, result).root(root_table);
    return result;
}

InterruptTable decode_interrupt_table(const HostMemory& memory, std::uint64_t base, std::uint64_t entries,
                                      const std::string& what) {
    constexpr std::uint64_t kEntrySize = 16;        // §9.10
    constexpr std::uint64_t kMostEntries = 1 << 16; // IRTA_REG.S ≤ 15 (§11.4.7)
    InterruptTable table;
    table.entries = entries;
    if (entries < 2 || entries > kMostEntries || (entries & (entries - 1)) != 0) {
        table.defects.add(DefectKind::wrong_value, what + ": the number of entries is not a power of two in 2 .. 65536",
                          base, 256, entries);
        return table;
    }
    if (base % kPageSize != 0) {
        table.defects.add(DefectKind::unaligned, what + " is not page aligned", base, base & ~(kPageSize - 1), base);
        base &= ~(kPageSize - 1);
    }
    const std::uint64_t size = entries * kEntrySize;
    const auto bytes = memory.at(base, size);
    if (!bytes) {
        table.defects.add(DefectKind::unreadable, what + " lies outside the bundle", base, memory.sealed_base, base);
        return table;
    }
    if (!memory.sealed(base, size)) {
        table.defects.add(DefectKind::outside_tables, what + " lies outside the sealed tables", base,
                          memory.sealed_base, base);
    }
    table.readable = true;
    for (std::uint64_t page = 0; page < size; page += kPageSize) {
        table.tables.push_back(base + page);
    }
    for (std::uint32_t i = 0; i < entries; ++i) {
        InterruptEntry entry;
        entry.index = i;
        entry.low = *le64(*bytes, i * kEntrySize);
        entry.high = *le64(*bytes, i * kEntrySize + 8);
        if (entry.low == 0 && entry.high == 0) {
            continue;
        }
        entry.source = static_cast<std::uint16_t>(field(entry.high, 15, 0));
        entry.qualifier = static_cast<std::uint8_t>(field(entry.high, 17, 16));
        entry.source_check = static_cast<std::uint8_t>(field(entry.high, 19, 18));
        const std::uint64_t at = base + i * kEntrySize;
        if ((entry.low & kPresent) == 0) {
            if (entry.low != 0 || (entry.high & bits(63, 20)) != 0) {
                table.defects.add_lazy(
                    DefectKind::reserved_bits,
                    [&] {
                        return what + ": entry " + std::to_string(i) + " is not present, yet has more than an owner";
                    },
                    at, 0, entry.low != 0 ? entry.low : entry.high);
            }
            table.reserved.push_back({i, entry.source, entry.source_check, entry.qualifier});
            continue;
        }
        entry.posted = field(entry.low, 15, 15) != 0;
        entry.vector = static_cast<std::uint8_t>(field(entry.low, 23, 16));
        entry.delivery = static_cast<std::uint8_t>(field(entry.low, 7, 5));
        entry.logical = field(entry.low, 2, 2) != 0;
        entry.destination = static_cast<std::uint32_t>(entry.low >> 32);
        // FPD (bit 1) would keep faults from being reported; redirection hint, level trigger and the software's own
        // bits have no use here.
        const std::uint64_t low_reserved = entry.posted ? 0 : bits(14, 8) | bits(31, 24) | bits(4, 3) | bits(1, 1);
        const std::uint64_t high_reserved = entry.posted ? 0 : bits(63, 20);
        if ((entry.low & low_reserved) != 0 || (entry.high & high_reserved) != 0) {
            table.defects.add_lazy(
                DefectKind::reserved_bits,
                [&] { return what + ": entry " + std::to_string(i) + " has reserved bits set"; }, at,
                entry.low & ~low_reserved, entry.low);
        }
        table.present.push_back(entry);
    }
    return table;
}

} // namespace septum::verifier::decode
