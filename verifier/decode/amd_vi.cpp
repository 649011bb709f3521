// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/amd_vi.hpp"

#include "verifier/decode/dma_walk.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::uint32_t kRequesters = 0x1'0000;
constexpr std::uint64_t kEntrySize = 32; // of the device table (§2.2.2)
constexpr unsigned kEntries = 512;
constexpr std::size_t kMaxInterruptTables = 4096;

// Device table entry, quadword 0.
constexpr std::uint64_t kValid = 1;             // V
constexpr std::uint64_t kTranslate = 2;         // TV
constexpr std::uint64_t kReadBit = 1ULL << 61;  // IR: of entries at every level, too
constexpr std::uint64_t kWriteBit = 1ULL << 62; // IW
// Reserved bits, host access and dirty marks, PPR, GPRP, GIoV, GV, GLX, GCR3[14:12]: no guest translation here.
constexpr std::uint64_t kStrange0 = bits(8, 2) | bits(60, 52) | bits(63, 63);
// Quadword 1: GCR3[30:15], I, SE, SA, IoCtl, Cache, SD, EX, SysMgt, GCR3[51:31].
constexpr std::uint64_t kDeviceTlb = 1ULL << 32;
constexpr std::uint64_t kSuppress = 3ULL << 33;  // SE, SA: faults would not be reported
constexpr std::uint64_t kExclusion = 1ULL << 39; // EX: the exclusion range bypasses translation
constexpr std::uint64_t kSysMgt = 3ULL << 40;    // 00b: system management messages are aborted
constexpr std::uint64_t kPortIo = 3ULL << 35;    // IoCtl 00b: port I/O of devices is aborted
constexpr std::uint64_t kStrange1 = ~(bits(15, 0) | kDeviceTlb | kSuppress | kExclusion | kSysMgt | kPortIo);
// Quadword 2.
constexpr std::uint64_t kInterruptValid = 1;      // IV
constexpr std::uint64_t kIgnoreUnmapped = 1 << 5; // IG: faults would not be reported
constexpr std::uint64_t kNmiPass = 1ULL << 58;
constexpr std::uint64_t kOtherPass = 1ULL << 56 | 1ULL << 57 | 1ULL << 62 | 1ULL << 63; // INIT, ExtInt, LINT0, LINT1
constexpr std::uint64_t kStrange2 = bits(55, 52) | bits(59, 59);

class AmdViWalk : DmaWalk {
public:
    AmdViWalk(const HostMemory& memory, std::uint32_t width, bool wide, const std::string& what, AmdViTables& out)
        : DmaWalk(memory, width, what, out.dma), wide_(wide), all_(out) {}

    void devices(std::uint64_t base) {
        const std::uint64_t size = kRequesters * kEntrySize;
        std::optional<ByteSpan> bytes;
        for (std::uint64_t at = 0; at < size; at += kPageSize) {
            // Page by page, so that each is noted as used; a table that is not all there is not read.
            if (!page(base + at, "device table", base, true)) {
                add(0, kRequesters - 1, {DmaState::unknown, 0});
                all_.interrupts.push_back({0, kRequesters - 1, InterruptState::unknown, 0});
                return;
            }
        }
        base &= ~(kPageSize - 1);
        bytes = memory_.at(base, size);
        for (std::uint32_t id = 0; bytes && id < kRequesters; ++id) {
            const std::uint64_t at = base + id * kEntrySize;
            std::uint64_t entry[4];
            for (unsigned i = 0; i < 4; ++i) {
                entry[i] = *le64(*bytes, id * kEntrySize + 8ULL * i);
            }
            if (id != 0 && std::equal(std::begin(entry), std::end(entry), std::begin(before_)) && repeatable_) {
                out_.requesters.back().last = id;
                all_.interrupts.back().last = id;
                continue;
            }
            const std::uint64_t defects = out_.defects.total();
            add(id, id, device(entry, at, id));
            route(id, interrupts(entry, at, id));
            std::copy(std::begin(entry), std::end(entry), std::begin(before_));
            repeatable_ = defects == out_.defects.total();
        }
        finish();
        std::sort(all_.interrupt_pages.begin(), all_.interrupt_pages.end());
        all_.interrupt_pages.erase(std::unique(all_.interrupt_pages.begin(), all_.interrupt_pages.end()),
                                   all_.interrupt_pages.end());
    }

private:
    static std::string whose(std::uint32_t id, const char* text) {
        return "device table entry of requester " + hex(id) + text;
    }

    Answer device(const std::uint64_t (&entry)[4], std::uint64_t at, std::uint32_t id) {
        const auto say = [&](DefectKind kind, const char* text, unsigned word, std::uint64_t wrong_bits) {
            out_.defects.add_lazy(
                kind, [&] { return what_ + ": " + whose(id, text); }, at + 8ULL * word, entry[word] & ~wrong_bits,
                entry[word]);
        };
        const std::uint64_t strange = kStrange0 | beyond_;
        if ((entry[0] & strange) != 0) {
            say(DefectKind::reserved_bits, " has reserved or guest translation bits set", 0, strange);
        }
        if ((entry[1] & kStrange1) != 0) {
            say(DefectKind::reserved_bits, " has reserved, cache or guest translation bits set", 1, kStrange1);
        }
        if (entry[3] != 0) {
            say(DefectKind::reserved_bits, " has reserved bits set", 3, ~0ULL);
        }
        if ((entry[1] & kSuppress) != 0) {
            say(DefectKind::wrong_value, " keeps its faults from being reported", 1, kSuppress);
        }
        if ((entry[1] & kExclusion) != 0) {
            say(DefectKind::wrong_value, " lets the exclusion range past translation", 1, kExclusion);
        }
        if ((entry[1] & (kSysMgt | kPortIo)) != 0) {
            say(DefectKind::wrong_value, " lets system management messages or port I/O pass", 1, kSysMgt | kPortIo);
        }
        if ((entry[0] & kValid) == 0 || (entry[0] & kTranslate) == 0) {
            return {DmaState::passthrough, 0}; // table 7 of §2.2.2: addresses are passed on untranslated
        }
        DmaDomain domain;
        domain.rights = access_of(entry[0]);
        domain.id = static_cast<std::uint16_t>(field(entry[1], 15, 0));
        domain.root = entry[0] & address_;
        domain.levels = static_cast<int>(field(entry[0], 11, 9));
        domain.device_tlb = (entry[1] & kDeviceTlb) != 0;
        if (domain.rights == 0 && !domain.device_tlb) {
            // Nothing is let through, whatever the page tables say; the root page is used all the same.
            if (domain.levels != 0) {
                (void)page(domain.root, "i/o page table", at);
            }
            return {DmaState::blocked, 0};
        }
        if (domain.levels == 0) {
            return {DmaState::passthrough, 0};
        }
        if (domain.levels > 4) {
            say(DefectKind::unknown, " has more than four levels", 0, bits(11, 9));
            return {DmaState::unknown, 0};
        }
        if (const auto same = known(domain)) {
            return {DmaState::translated, *same};
        }
        if (!room(at)) {
            return {DmaState::unknown, 0};
        }
        seen_.clear();
        table(domain, domain.root, domain.levels, 0, domain.rights, at);
        out_.domains.push_back(std::move(domain));
        return {DmaState::translated, static_cast<std::uint32_t>(out_.domains.size() - 1)};
    }

    static std::uint8_t access_of(std::uint64_t entry) {
        return static_cast<std::uint8_t>(((entry & kReadBit) != 0 ? kAccessRead : 0) |
                                         ((entry & kWriteBit) != 0 ? kAccessWrite : 0));
    }

    // §2.2.3: an entry says itself how deep the next table is; 0 ends the walk with a page of its level's size.
    void table(DmaDomain& domain, std::uint64_t base, int level, std::uint64_t input, std::uint8_t access,
               std::uint64_t from) {
        const auto bytes = page(base, "i/o page table", from);
        if (!bytes) {
            domain.complete = false;
            return;
        }
        if (!another(domain, base, from)) {
            return;
        }
        const unsigned shift = 12 + 9 * static_cast<unsigned>(level - 1);
        for (unsigned i = 0; i < kEntries; ++i) {
            const std::uint64_t entry = *le64(*bytes, 8ULL * i);
            const std::uint64_t at = base + 8ULL * i;
            if ((entry & 1) == 0) {
                if (entry != 0) {
                    reserved("i/o page table entry is not present yet not zero", at, 0, entry);
                }
                continue;
            }
            const int next = static_cast<int>(field(entry, 11, 9));
            const std::uint64_t first = input + (std::uint64_t{i} << shift);
            const auto both = static_cast<std::uint8_t>(access & access_of(entry));
            // FC (bit 60) forces coherence, which is harmless in a leaf; all else but PR, level, address and rights is
            // reserved, ignored, or marks that nobody should set.
            std::uint64_t strange = entry & (beyond_ | bits(8, 1) | bits(59, 52) | bits(63, 63));
            if (next != 0) {
                strange |= entry & bits(60, 60);
            } else if (level <= 3) {
                strange |= entry & (bits(shift, 12) & ~bits(shift, shift));
            }
            if (strange != 0) {
                reserved("i/o page table entry has reserved bits set", at, entry & ~strange, entry);
            }
            if (next == 0 && level <= 3) {
                leaf(domain, first, (entry & address_) & ~((1ULL << shift) - 1), 1ULL << shift, both,
                     static_cast<std::uint8_t>(1U << (level - 1)), at);
            } else if (next == 0 || next == 7 || next >= level) {
                // Pages of 512 GiB, pages of a size that the address encodes, and tables that lead up again.
                out_.defects.add(DefectKind::unknown, what_ + ": i/o page table entry of a kind that is not used here",
                                 at, static_cast<std::uint64_t>(level - 1), static_cast<std::uint64_t>(next));
                domain.complete = false;
            } else {
                // Levels may be left out: then the address bits that they would translate must be zero, so the next
                // table covers only the beginning of this entry's range.
                table(domain, entry & address_, next, first, both, at);
            }
            if (exhausted()) {
                return;
            }
        }
    }

    struct Route {
        InterruptState state = InterruptState::unknown;
        std::uint32_t table = 0;
    };

    Route interrupts(const std::uint64_t (&entry)[4], std::uint64_t at, std::uint32_t id) {
        const std::uint64_t word = entry[2];
        const auto say = [&](DefectKind kind, const char* text, std::uint64_t wrong_bits) {
            out_.defects.add_lazy(
                kind, [&] { return what_ + ": " + whose(id, text); }, at + 16, word & ~wrong_bits, word);
        };
        if ((word & kStrange2) != 0) {
            say(DefectKind::reserved_bits, " has reserved interrupt bits set", kStrange2);
        }
        if ((word & kIgnoreUnmapped) != 0) {
            say(DefectKind::wrong_value, " keeps its interrupt faults from being reported", kIgnoreUnmapped);
        }
        const std::uint64_t control = field(word, 61, 60); // IntCtl: 0 abort, 1 pass unmapped, 2 remap, 3 reserved
        if ((entry[0] & kValid) == 0 || (word & kInterruptValid) == 0 || control == 1 || (word & kOtherPass) != 0) {
            return {InterruptState::unmapped, 0};
        }
        if (control == 3) {
            say(DefectKind::reserved_bits, " has an interrupt control without meaning", bits(61, 60));
            return {InterruptState::unknown, 0};
        }
        const bool nmi = (word & kNmiPass) != 0;
        if (control == 0) {
            return {nmi ? InterruptState::nmi : InterruptState::blocked, 0};
        }
        if (nmi) {
            return {InterruptState::unmapped, 0}; // both at once has no use here
        }
        const std::uint64_t base = word & bits(51, 6);
        const auto length = static_cast<unsigned>(field(word, 4, 1)); // IntTabLen
        if (length > 11) {
            say(DefectKind::reserved_bits, " has an interrupt table length without meaning", bits(4, 1));
            return {InterruptState::unknown, 0};
        }
        return interrupt_table(base, 1U << length, at, id);
    }

    Route interrupt_table(std::uint64_t base, std::uint32_t entries, std::uint64_t at, std::uint32_t id) {
        const std::uint32_t size = wide_ ? 16 : 4; // §2.2.5
        for (std::uint32_t i = 0; i < all_.tables.size(); ++i) {
            if (all_.tables[i].base == base && all_.tables[i].entries == entries) {
                return {InterruptState::remapped, i};
            }
        }
        if (all_.tables.size() >= kMaxInterruptTables) {
            too_much("more interrupt tables than can be decoded", at, kMaxInterruptTables);
            return {InterruptState::unknown, 0};
        }
        if (base % 128 != 0) {
            out_.defects.add_lazy(
                DefectKind::unaligned, [&] { return what_ + ": interrupt table of requester " + hex(id); }, at,
                base & ~127ULL, base);
        }
        const std::uint64_t total = std::uint64_t{entries} * size;
        const auto bytes = memory_.at(base, total);
        if (!bytes) {
            out_.defects.add_lazy(
                DefectKind::unreadable,
                [&] { return what_ + ": interrupt table of requester " + hex(id) + " lies outside the bundle"; }, at,
                memory_.sealed_base, base);
            return {InterruptState::unknown, 0};
        }
        if (!memory_.sealed(base, total)) {
            out_.defects.add_lazy(
                DefectKind::outside_tables,
                [&] { return what_ + ": interrupt table of requester " + hex(id) + " lies outside the sealed tables"; },
                at, memory_.sealed_base, base);
        }
        for (std::uint64_t p = base & ~(kPageSize - 1); p < base + total; p += kPageSize) {
            all_.interrupt_pages.push_back(p);
        }
        DeviceInterruptTable table{base, entries, size, static_cast<std::uint16_t>(id), {}};
        for (std::uint32_t i = 0; i < entries; ++i) {
            InterruptEntry e;
            e.index = i;
            e.source = static_cast<std::uint16_t>(id);
            e.low = wide_ ? *le64(*bytes, i * 16ULL) : *le32(*bytes, i * 4ULL);
            e.high = wide_ ? *le64(*bytes, i * 16ULL + 8) : 0;
            if ((e.low & 1) == 0) { // RemapEn
                if (e.low != 0 || e.high != 0) {
                    out_.defects.add_lazy(
                        DefectKind::reserved_bits,
                        [&] {
                            return what_ + ": interrupt table of requester " + hex(id) + ": entry " +
                                   std::to_string(i) + " is not enabled yet not zero";
                        },
                        base + std::uint64_t{i} * size, 0, e.low != 0 ? e.low : e.high);
                }
                continue;
            }
            e.delivery = static_cast<std::uint8_t>(field(e.low, 4, 2));
            e.logical = field(e.low, 6, 6) != 0;
            e.posted = field(e.low, 7, 7) != 0;
            e.vector = static_cast<std::uint8_t>(wide_ ? field(e.high, 7, 0) : field(e.low, 23, 16));
            e.destination = static_cast<std::uint32_t>(wide_ ? field(e.low, 31, 8) | field(e.high, 63, 56) << 24
                                                             : field(e.low, 15, 8));
            e.source_check = 1; // the table is the requester's own
            table.enabled.push_back(e);
        }
        const std::uint64_t end = base + total;
        const auto rest = memory_.at(end, (kPageSize - end % kPageSize) % kPageSize);
        if (const auto stray = rest ? first_not_zero(*rest) : std::nullopt) {
            out_.defects.add_lazy(
                DefectKind::stray_bytes,
                [&] { return what_ + ": behind the interrupt table of requester " + hex(id) + " in its page"; },
                end + *stray, 0, (*rest)[*stray]);
        }
        all_.tables.push_back(std::move(table));
        return {InterruptState::remapped, static_cast<std::uint32_t>(all_.tables.size() - 1)};
    }

    void route(std::uint32_t id, Route route) {
        if (!all_.interrupts.empty()) {
            InterruptRoute& back = all_.interrupts.back();
            if (back.state == route.state && back.table == route.table && back.last + 1 == id) {
                back.last = id;
                return;
            }
        }
        all_.interrupts.push_back({id, id, route.state, route.table});
    }

    bool wide_;
    AmdViTables& all_;
    std::uint64_t before_[4]{}; // the entry before, and
    bool repeatable_ = false;   // whether it said all there is to say
};

} // namespace

AmdViTables decode_amd_vi(const HostMemory& memory, std::uint64_t device_table, std::uint32_t physical_address_bits,
                          bool wide, const std::string& what) {
    AmdViTables result;
    AmdViWalk(memory, physical_address_bits, wide, what, result).devices(device_table);
    return result;
}

} // namespace septum::verifier::decode
