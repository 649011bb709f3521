// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/vtd.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace septum::verifier::decode {

namespace {

constexpr std::uint64_t kPresent = 1;
constexpr unsigned kBuses = 256;
constexpr unsigned kFunctions = 256; // device << 3 | function
constexpr unsigned kEntries = 512;
constexpr std::size_t kMaxDomains = 256;
// Second-stage tables decoded over all domains, beyond the pages there are: more only if they are tangled.
constexpr std::uint64_t kMaxRepeatedTables = 256;
constexpr std::size_t kMaxIntervals = 1 << 18;

constexpr std::uint64_t bits(unsigned high, unsigned low) {
    return (high == 63 ? ~0ULL : (1ULL << (high + 1)) - 1) & ~((1ULL << low) - 1);
}
constexpr std::uint64_t field(std::uint64_t value, unsigned high, unsigned low) {
    return (value & bits(high, low)) >> low;
}

class DmaWalker {
public:
    DmaWalker(const HostMemory& memory, std::uint32_t width, const std::string& what, VtdTables& out)
        : memory_(memory), address_(bits(std::clamp(width, 13U, 52U) - 1, 12)),
          max_tables_(memory.bytes.size() / kPageSize + kMaxRepeatedTables),
          beyond_(width < 52 ? bits(51, std::max(width, 13U)) : 0), what_(what), out_(out) {}

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
            if ((low & (bits(11, 1) | beyond_)) != 0 || high != 0) {
                reserved("root entry of bus " + std::to_string(bus) + " has reserved bits set", at,
                         low & ~(bits(11, 1) | beyond_), low);
            }
            contexts(low & address_, bus, at);
        }
    }

private:
    struct Answer {
        DmaState state = DmaState::unknown;
        std::uint32_t domain = 0;
    };

    void contexts(std::uint64_t base, unsigned bus, std::uint64_t from) {
        const std::uint32_t first = bus * kFunctions;
        const auto bytes = page(base, "context table of bus " + std::to_string(bus), from);
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
        constexpr std::uint64_t reserved_high = bits(63, 24) | bits(7, 7);
        if ((low & (bits(11, 4) | beyond_)) != 0 || (high & reserved_high) != 0) {
            reserved(what(" has reserved bits set"), at, low & ~(bits(11, 4) | beyond_), low);
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
        for (std::uint32_t i = 0; i < out_.domains.size(); ++i) {
            const DmaDomain& other = out_.domains[i];
            if (other.id == domain.id && other.root == domain.root && other.levels == domain.levels &&
                other.device_tlb == domain.device_tlb) {
                return {DmaState::translated, i};
            }
        }
        if (out_.domains.size() >= kMaxDomains) {
            too_much("more domains than can be decoded", at, kMaxDomains);
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
        if (!seen_.insert(table).second) {
            out_.defects.add(DefectKind::table_aliased, what_ + ": a second-stage table is reached by a second entry",
                             from, 0, table);
        }
        if (++decoded_ > max_tables_) {
            too_much("more second-stage tables than can be decoded", from, max_tables_);
            domain.complete = false;
            return;
        }
        const unsigned shift = 12 + 9 * static_cast<unsigned>(level - 1);
        for (unsigned i = 0; i < kEntries; ++i) { // §9.8
            const std::uint64_t entry = *le64(*bytes, 8ULL * i);
            const auto rights = static_cast<std::uint8_t>(entry & 3); // R, W: the same bits as kAccess…
            if (rights == 0) {
                continue;
            }
            const std::uint64_t at = table + 8ULL * i;
            const std::uint64_t first = input + (std::uint64_t{i} << shift);
            const bool large = level > 1 && (entry & bits(7, 7)) != 0;
            std::uint64_t wrong = entry & beyond_;
            if (large && level > 3) {
                wrong |= bits(7, 7);
            } else if (large) {
                wrong |= entry & bits(shift - 1, 12);
            }
            if (wrong != 0) {
                reserved("second-stage entry has reserved bits set", at, entry & ~wrong, entry);
            }
            const auto both = static_cast<std::uint8_t>(access & rights);
            if (level == 1 || (large && level <= 3)) {
                leaf(domain, first, (entry & address_) & ~((1ULL << shift) - 1), 1ULL << shift, both,
                     static_cast<std::uint8_t>(1U << (level - 1)), at);
            } else {
                second_stage(domain, entry & address_, level - 1, first, both, at);
            }
            if (!domain.complete && decoded_ > max_tables_) {
                return;
            }
        }
    }

    void leaf(DmaDomain& domain, std::uint64_t gpa, std::uint64_t hpa, std::uint64_t size, std::uint8_t access,
              std::uint8_t page_sizes, std::uint64_t at) {
        if (access == 0) {
            return;
        }
        if (!domain.reach.empty()) {
            Interval& last = domain.reach.back();
            if (last.gpa + last.size == gpa && last.hpa + last.size == hpa && last.access == access) {
                last.size += size;
                last.page_sizes |= page_sizes;
                return;
            }
        }
        if (intervals_ >= kMaxIntervals) {
            if (domain.complete) {
                too_much("more dma intervals than can be decoded", at, kMaxIntervals);
            }
            domain.complete = false;
            return;
        }
        ++intervals_;
        domain.reach.push_back({gpa, hpa, size, access, page_sizes, CacheType::write_back, true});
    }

    std::optional<ByteSpan> page(std::uint64_t base, const std::string& name, std::uint64_t from) {
        if (base % kPageSize != 0) {
            out_.defects.add(DefectKind::unaligned, what_ + ": the " + name + " is not page aligned", from,
                             base & ~(kPageSize - 1), base);
            base &= ~(kPageSize - 1);
        }
        const auto bytes = memory_.at(base, kPageSize);
        if (!bytes) {
            out_.defects.add(DefectKind::unreadable, what_ + ": the " + name + " lies outside the bundle", from,
                             memory_.sealed_base, base);
            return bytes;
        }
        if (!memory_.sealed(base, kPageSize)) {
            out_.defects.add(DefectKind::outside_tables, what_ + ": the " + name + " lies outside the sealed tables",
                             from, memory_.sealed_base, base);
        }
        if (pages_.insert(base).second) {
            out_.tables.push_back(base);
        }
        return bytes;
    }

    void add(std::uint32_t first, std::uint32_t last, Answer answer) {
        if (!out_.requesters.empty()) {
            RequesterInterval& back = out_.requesters.back();
            if (back.state == answer.state && back.domain == answer.domain && back.last + 1 == first) {
                back.last = last;
                return;
            }
        }
        out_.requesters.push_back({first, last, answer.state, answer.domain});
    }

    void reserved(const std::string& text, std::uint64_t at, std::uint64_t expected, std::uint64_t found) {
        out_.defects.add(DefectKind::reserved_bits, what_ + ": " + text, at, expected, found);
    }

    void too_much(const char* text, std::uint64_t at, std::uint64_t bound) {
        out_.defects.add(DefectKind::too_much, what_ + ": " + text, at, bound, bound + 1);
    }

    const HostMemory& memory_;
    std::uint64_t address_; // address bits of an entry
    std::uint64_t max_tables_;
    std::uint64_t beyond_; // address bits that the unit does not have
    const std::string& what_;
    VtdTables& out_;
    std::set<std::uint64_t> pages_;
    std::set<std::uint64_t> seen_; // second-stage tables of the domain being decoded
    std::uint64_t decoded_ = 0;
    std::size_t intervals_ = 0;
};

} // namespace

const char* name(DmaState state) {
    switch (state) {
    case DmaState::blocked:
        return "blocked";
    case DmaState::translated:
        return "translated";
    case DmaState::passthrough:
        return "passthrough";
    case DmaState::unknown:
        return "unknown";
    }
    return "unknown";
}

VtdTables decode_vtd(const HostMemory& memory, std::uint64_t root_table, std::uint32_t physical_address_bits,
                     const std::string& what) {
    VtdTables result;
    DmaWalker walker(memory, physical_address_bits, what, result);
    walker.root(root_table);
    std::sort(result.tables.begin(), result.tables.end());
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
        const std::uint64_t at = base + i * kEntrySize;
        if ((entry.low & kPresent) == 0) {
            if (entry.low != 0 || entry.high != 0) {
                table.defects.add_lazy(
                    DefectKind::reserved_bits,
                    [&] { return what + ": entry " + std::to_string(i) + " is not present yet not zero"; }, at, 0,
                    entry.low | entry.high);
            }
            continue;
        }
        entry.posted = field(entry.low, 15, 15) != 0;
        entry.vector = static_cast<std::uint8_t>(field(entry.low, 23, 16));
        entry.delivery = static_cast<std::uint8_t>(field(entry.low, 7, 5));
        entry.logical = field(entry.low, 2, 2) != 0;
        entry.destination = static_cast<std::uint32_t>(entry.low >> 32);
        entry.source = static_cast<std::uint16_t>(field(entry.high, 15, 0));
        entry.source_check = static_cast<std::uint8_t>(field(entry.high, 19, 18));
        const std::uint64_t low_reserved = entry.posted ? 0 : bits(14, 12) | bits(31, 24);
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
