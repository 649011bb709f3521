// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/page_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace septum::verifier::decode {

namespace {

// Entry bits (APM 2 §5.4.1).
constexpr std::uint64_t kPresent = 1ULL << 0;
constexpr std::uint64_t kWritable = 1ULL << 1;
constexpr std::uint64_t kUser = 1ULL << 2;
constexpr std::uint64_t kWriteThrough = 1ULL << 3;
constexpr std::uint64_t kCacheDisable = 1ULL << 4;
constexpr std::uint64_t kAccessed = 1ULL << 5;
constexpr std::uint64_t kDirty = 1ULL << 6;
constexpr std::uint64_t kPageSizeBit = 1ULL << 7; // PDPE, PDE; in a PTE it is PAT
constexpr std::uint64_t kPatSmall = 1ULL << 7;    // PTE
constexpr std::uint64_t kPatLarge = 1ULL << 12;   // 2 MiB and 1 GiB leaves
constexpr std::uint64_t kNoExecute = 1ULL << 63;
constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000; // 51:12

constexpr std::uint64_t bits(unsigned high, unsigned low) {
    return (high == 63 ? ~0ULL : (1ULL << (high + 1)) - 1) & ~((1ULL << low) - 1);
}

constexpr std::uint64_t kMustBeZeroPml4 = bits(8, 7);      // APM 2 figure 5-21: no page size, no global
constexpr std::uint64_t kMustBeZeroLarge2M = bits(20, 13); // figure 5-26
constexpr std::uint64_t kMustBeZeroLarge1G = bits(29, 13); // figure 5-29

constexpr unsigned kEntries = 512;
// Tables that are reached again are decoded again, so that what they grant is known, but only this often.
constexpr std::uint64_t kMaxRepeatedTables = 256;

constexpr unsigned shift(int level) {
    return 12 + 9 * static_cast<unsigned>(level - 1);
}

std::uint64_t canonical(std::uint64_t address, bool nested) {
    return !nested && ((address >> 47) & 1) != 0 ? address | 0xFFFF'0000'0000'0000 : address;
}

// What the entries above allow.
struct Rights {
    bool write = true;
    bool execute = true;
    bool user = true;

    [[nodiscard]] Rights under(std::uint64_t entry) const {
        return {write && (entry & kWritable) != 0, execute && (entry & kNoExecute) == 0, user && (entry & kUser) != 0};
    }
    [[nodiscard]] std::uint8_t access() const {
        return static_cast<std::uint8_t>(kAccessRead | (write ? kAccessWrite : 0) | (execute ? kAccessExecute : 0));
    }
};

bool is_leaf(int level, std::uint64_t entry) {
    return level == 1 || ((level == 2 || level == 3) && (entry & kPageSizeBit) != 0);
}

std::uint64_t reserved_mask(int level, bool leaf, const PageTableRules& rules) {
    const unsigned width = std::min(rules.physical_address_bits, 52U);
    std::uint64_t mask = width < 52 ? bits(51, width) : 0;
    if (!rules.no_execute) {
        mask |= kNoExecute;
    }
    if (level == 4) {
        mask |= kMustBeZeroPml4;
    } else if (level == 3 && leaf) {
        mask |= kMustBeZeroLarge1G | (rules.pages_1g ? 0 : kPageSizeBit);
    } else if (level == 2 && leaf) {
        mask |= kMustBeZeroLarge2M;
    }
    return mask;
}

CacheType cache_type(int level, std::uint64_t entry, std::uint64_t pat) {
    const bool pat_bit = (entry & (level == 1 ? kPatSmall : kPatLarge)) != 0;
    const unsigned index =
        (pat_bit ? 4U : 0U) | ((entry & kCacheDisable) != 0 ? 2U : 0U) | ((entry & kWriteThrough) != 0 ? 1U : 0U);
    const auto value = static_cast<std::uint8_t>(pat >> (8 * index));
    return value == 2 || value == 3 || value > 7 ? CacheType::reserved : static_cast<CacheType>(value);
}

std::uint64_t page_base(int level, std::uint64_t entry) {
    return entry & kAddress & ~((1ULL << shift(level)) - 1);
}

const char* table_name(int level) {
    constexpr const char* names[] = {"", "pt", "pd", "pdpt", "pml4"};
    return names[level];
}

class Walker {
public:
    Walker(const HostMemory& memory, const PageTableRules& rules, const std::string& what, PageTable& out)
        : memory_(memory), rules_(rules), what_(what), out_(out), seen_(memory.bytes.size() / kPageSize + 1, false) {}

    void table(std::uint64_t address, int level, std::uint64_t input, Rights rights, std::uint64_t from) {
        const auto bytes = memory_.at(address, kPageSize);
        if (!bytes) {
            defect(DefectKind::unreadable, level, input, "lies outside the bundle", from, memory_.sealed_base, address);
            out_.complete = false;
            return;
        }
        if (rules_.sealed && !memory_.sealed(address, kPageSize)) {
            defect(DefectKind::outside_tables, level, input, "lies outside the sealed tables", from,
                   memory_.sealed_base, address);
        }
        if (!enter(address, level, input, from)) {
            return;
        }
        path_[static_cast<std::size_t>(level)] = address;
        if (level == 1) {
            pages(*bytes, address, input, rights);
        } else {
            entries(*bytes, address, level, input, rights);
        }
        path_[static_cast<std::size_t>(level)] = kNowhere;
    }

private:
    static constexpr std::uint64_t kNowhere = ~0ULL;

    // False when this table is not to be decoded (again).
    bool enter(std::uint64_t address, int level, std::uint64_t input, std::uint64_t from) {
        const std::size_t page = (address - memory_.base) / kPageSize;
        if (!seen_[page]) {
            seen_[page] = true;
            out_.tables.push_back(address);
            return true;
        }
        const bool cycle = std::find(path_.begin(), path_.end(), address) != path_.end();
        defect(cycle ? DefectKind::table_cycle : DefectKind::table_aliased, level, input,
               cycle ? "is reached from below itself" : "is reached by a second entry", from, 0, address);
        if (++repeated_ > kMaxRepeatedTables) {
            give_up(from, kMaxRepeatedTables);
            return false;
        }
        return !stopped_;
    }

    void entries(ByteSpan bytes, std::uint64_t address, int level, std::uint64_t input, Rights rights) {
        for (unsigned i = 0; i < kEntries && !stopped_; ++i) {
            const std::uint64_t entry = load(bytes, i);
            if ((entry & kPresent) == 0) {
                continue;
            }
            const std::uint64_t at = address + 8ULL * i;
            const std::uint64_t first = input + (std::uint64_t{i} << shift(level));
            const bool leaf = is_leaf(level, entry);
            check(entry, level, i, leaf, at);
            ++out_.entries;
            if (leaf) {
                page(entry, level, first, rights.under(entry), at);
            } else {
                table(entry & kAddress & ~beyond_width(), level - 1, first, rights.under(entry), at);
            }
        }
    }

    // The lowest level, where nearly all entries are: an entry that continues the one before it takes the short way.
    void pages(ByteSpan bytes, std::uint64_t address, std::uint64_t input, Rights rights) {
        const std::uint64_t reserved = reserved_mask(1, true, rules_);
        std::uint64_t next = 0; // the entry that would continue the run; 0: none
        std::uint64_t run = 0;  // pages by the short way, not yet in the last interval
        const auto flush = [&] {
            if (run != 0) {
                out_.intervals.back().size += run * kPageSize;
                out_.leaves += run;
                out_.entries += run;
                run = 0;
            }
        };
        for (unsigned i = 0; i < kEntries && !stopped_; ++i) {
            const std::uint64_t entry = load(bytes, i);
            // `next` carries no reserved bit, and a carry out of the address would set one of its neighbours.
            if (entry == next && next != 0) {
                ++run;
                next = continuation(entry, reserved);
                continue;
            }
            flush();
            next = 0;
            if ((entry & kPresent) == 0) {
                continue;
            }
            const std::uint64_t at = address + 8ULL * i;
            const bool clean = check(entry, 1, i, true, at);
            ++out_.entries;
            if (page(entry, 1, input + i * kPageSize, rights.under(entry), at) && clean) {
                next = continuation(entry, reserved);
            }
        }
        flush();
    }

    static std::uint64_t continuation(std::uint64_t entry, std::uint64_t reserved) {
        const std::uint64_t next = entry + kPageSize;
        return ((next ^ entry) & ~kAddress) == 0 && (next & reserved) == 0 ? next : 0;
    }

    // Adds a leaf; true when it became (part of) the last interval.
    bool page(std::uint64_t entry, int level, std::uint64_t input, Rights rights, std::uint64_t at) {
        ++out_.leaves;
        if (rules_.nested && !rights.user) {
            return false;
        }
        const std::uint64_t size = 1ULL << shift(level);
        const std::uint64_t gpa = canonical(input, rules_.nested);
        const std::uint64_t hpa = page_base(level, entry) & ~beyond_width();
        const std::uint8_t access = rights.access();
        const CacheType type = cache_type(level, entry, rules_.pat);
        const auto sizes = static_cast<std::uint8_t>(1U << (level - 1));
        if (!out_.intervals.empty()) {
            Interval& last = out_.intervals.back();
            if (last.gpa + last.size == gpa && last.hpa + last.size == hpa && last.access == access &&
                last.type == type && last.user == rights.user) {
                last.size += size;
                last.page_sizes |= sizes;
                return true;
            }
        }
        if (out_.intervals.size() >= rules_.most_intervals) {
            give_up(at, rules_.most_intervals);
            return false;
        }
        out_.intervals.push_back({gpa, hpa, size, access, sizes, type, rights.user});
        return true;
    }

    // True when nothing is wrong with the entry.
    bool check(std::uint64_t entry, int level, unsigned index, bool leaf, std::uint64_t at) {
        const std::uint64_t reserved = entry & reserved_mask(level, leaf, rules_);
        const bool wrong_user = rules_.sealed && ((entry & kUser) != 0) != rules_.nested;
        const bool unaccessed = rules_.sealed && (entry & kAccessed) == 0;
        const bool undirtied = rules_.sealed && leaf && (entry & kDirty) == 0;
        if (reserved == 0 && !wrong_user && !unaccessed && !undirtied) {
            return true;
        }
        const auto say = [&](DefectKind kind, const char* text, std::uint64_t expected) {
            out_.defects.add_lazy(
                kind, [&] { return what_ + ": " + table_name(level) + " entry " + std::to_string(index) + text; }, at,
                expected, entry);
        };
        if (reserved != 0) {
            say(DefectKind::reserved_bits, " has reserved bits set", entry & ~reserved);
        }
        if (wrong_user) {
            say(rules_.nested ? DefectKind::not_user : DefectKind::user, rules_.nested ? " lacks U/S" : " has U/S set",
                entry ^ kUser);
        }
        if (unaccessed) {
            say(DefectKind::accessed_clear, " has its accessed bit clear", entry | kAccessed);
        }
        if (undirtied) {
            say(DefectKind::dirty_clear, " has its dirty bit clear", entry | kDirty);
        }
        return false;
    }

    void defect(DefectKind kind, int level, std::uint64_t input, const char* text, std::uint64_t at,
                std::uint64_t expected, std::uint64_t found) {
        out_.defects.add_lazy(
            kind,
            [&] {
                return what_ + ": the " + table_name(level) + " for " + hex(canonical(input, rules_.nested)) + " " +
                       text;
            },
            at, expected, found);
    }

    void give_up(std::uint64_t at, std::uint64_t bound) {
        if (!stopped_) {
            out_.defects.add(DefectKind::too_much, what_ + ": more than can be decoded", at, bound, bound + 1);
        }
        stopped_ = true;
        out_.complete = false;
    }

    // Address bits that the processor does not have: already reported as reserved.
    [[nodiscard]] std::uint64_t beyond_width() const {
        const unsigned width = std::min(rules_.physical_address_bits, 52U);
        return width < 52 ? bits(51, width) : 0;
    }

    static std::uint64_t load(ByteSpan bytes, unsigned index) {
        std::uint64_t value = 0;
        static_assert(std::endian::native == std::endian::little);
        std::memcpy(&value, bytes.data() + std::size_t{index} * 8, sizeof value);
        return value;
    }

    const HostMemory& memory_;
    const PageTableRules& rules_;
    const std::string& what_;
    PageTable& out_;
    std::vector<bool> seen_; // by page of the bundle
    std::array<std::uint64_t, 5> path_{kNowhere, kNowhere, kNowhere, kNowhere, kNowhere};
    std::uint64_t repeated_ = 0;
    bool stopped_ = false;
};

} // namespace

const char* name(CacheType type) {
    switch (type) {
    case CacheType::uncacheable:
        return "uncacheable";
    case CacheType::write_combining:
        return "write-combining";
    case CacheType::write_through:
        return "write-through";
    case CacheType::write_protect:
        return "write-protect";
    case CacheType::write_back:
        return "write-back";
    case CacheType::uncached_minus:
        return "uncached-minus";
    case CacheType::reserved:
        return "reserved";
    }
    return "reserved";
}

PageTable decode_page_table(const HostMemory& memory, std::uint64_t root, const PageTableRules& rules,
                            const std::string& what) {
    PageTable result;
    result.root = root;
    if (root % kPageSize != 0) {
        result.defects.add(DefectKind::unaligned, what + ": the root is not page aligned", root,
                           root & ~(kPageSize - 1), root);
    }
    Walker walker(memory, rules, what, result);
    walker.table(root & ~(kPageSize - 1), 4, 0, Rights{}, root);
    std::sort(result.tables.begin(), result.tables.end());
    return result;
}

std::vector<Interval> by_host(std::vector<Interval> intervals) {
    std::sort(intervals.begin(), intervals.end(),
              [](const Interval& a, const Interval& b) { return a.hpa != b.hpa ? a.hpa < b.hpa : a.gpa < b.gpa; });
    return intervals;
}

PageWalk walk_page_table(const HostMemory& memory, std::uint64_t root, std::uint64_t address,
                         const PageTableRules& rules) {
    PageWalk walk;
    Rights rights;
    std::uint64_t table = root & ~(kPageSize - 1);
    for (int level = 4; level >= 1; --level) {
        PageStep step;
        step.level = level;
        step.table = table;
        step.index = static_cast<std::uint32_t>((address >> shift(level)) & 511);
        const auto bytes = memory.at(table, kPageSize);
        if (!bytes) {
            step.readable = false;
            walk.steps.push_back(step);
            return walk;
        }
        step.entry = le64(*bytes, 8ULL * step.index).value_or(0);
        const bool present = (step.entry & kPresent) != 0;
        step.leaf = present && is_leaf(level, step.entry);
        walk.steps.push_back(step);
        if (!present) {
            return walk;
        }
        rights = rights.under(step.entry);
        if (step.leaf) {
            walk.page_size = 1ULL << shift(level);
            walk.hpa = page_base(level, step.entry) | (address & (walk.page_size - 1));
            walk.type = cache_type(level, step.entry, rules.pat);
            walk.mapped = !rules.nested || rights.user;
            walk.access = walk.mapped ? rights.access() : std::uint8_t{0};
            return walk;
        }
        table = step.entry & kAddress;
    }
    return walk;
}

} // namespace septum::verifier::decode
