// SPDX-License-Identifier: Apache-2.0
// One walk for page tables of three kinds: what an entry says is told by its kind, what it means is the same.
#include "recheck/tables.hpp"

namespace septum::recheck {

namespace {

// What one entry says. `wrong` when it says what Septum never writes.
struct Entry {
    bool present = false;
    bool leaf = false;
    std::uint64_t address = 0;
    std::uint64_t rights = 0;
    const char* type = ""; // of memory
    const char* wrong = nullptr;
};

Entry nested_entry(std::uint64_t raw, int level) {
    constexpr std::uint64_t kPresent = 1ULL << 0;
    constexpr std::uint64_t kWritable = 1ULL << 1;
    constexpr std::uint64_t kUser = 1ULL << 2; // else every guest access faults (§15.25.5)
    constexpr std::uint64_t kAccessed = 1ULL << 5;
    constexpr std::uint64_t kDirty = 1ULL << 6;
    constexpr std::uint64_t kLarge = 1ULL << 7; // PS above the last level, PAT in it
    constexpr std::uint64_t kLargePat = 1ULL << 12;
    constexpr std::uint64_t kNoExecute = 1ULL << 63;
    // PAT after reset (APM 2 §7.8.2), by PCD and PWT: its upper half is the same four.
    static constexpr const char* kTypes[] = {"write-back", "write-through", "uncached-minus", "uncacheable"};
    Entry out;
    out.present = (raw & kPresent) != 0;
    out.leaf = level == 1 || (raw & kLarge) != 0;
    out.address = raw & kAddress & ~(out.leaf && level > 1 ? kLargePat : 0);
    if ((raw & kUser) != 0)
        out.rights = 1 | (raw & kWritable) | ((raw & kNoExecute) == 0 ? 4U : 0U);
    out.type = kTypes[raw >> 3 & 3];
    const std::uint64_t written = out.leaf ? kAccessed | kDirty : kAccessed;
    if ((raw & written) != written)
        out.wrong = "would be written by the processor: accessed or dirty is clear";
    return out;
}

// VT-d has no present bit: an entry without rights leads nowhere.
Entry vtd_entry(std::uint64_t raw, int level) {
    return {(raw & 3) != 0, level == 1 || (raw & 1ULL << 7) != 0, raw & kAddress, raw & 3};
}

Entry amd_entry(std::uint64_t raw, int level) {
    const std::uint64_t next = raw >> 9 & 7; // 0 and 7 end the walk
    Entry out{(raw & 1) != 0, next == 0 || next == 7, raw & kAddress, raw >> 61 & 3};
    if (next == 7)
        out.wrong = "is of a page size that Septum does not use";
    else if (!out.leaf && next != static_cast<std::uint64_t>(level - 1))
        out.wrong = "skips a level";
    return out;
}

Entry read(Format format, std::uint64_t raw, int level) {
    return format == Format::nested ? nested_entry(raw, level)
           : format == Format::vt_d ? vtd_entry(raw, level)
                                    : amd_entry(raw, level);
}

// Adds a mapping behind those before it, or makes the last one longer.
void extend(std::vector<Memory>& runs, Memory run) {
    if (!runs.empty() && runs.back().gpa + runs.back().size == run.gpa &&
        runs.back().hpa + runs.back().size == run.hpa && runs.back().access == run.access &&
        runs.back().type == run.type) {
        runs.back().size += run.size;
    } else if (runs.size() == kMostRuns) {
        throw Differs("page tables grant more runs of memory than an appliance can have");
    } else {
        runs.push_back(std::move(run));
    }
}

struct Walk {
    Host& host;
    Format format;
    const std::string& who;
    std::vector<Memory> out;

    void table(std::uint64_t address, int level, std::uint64_t base, std::uint64_t rights) {
        const Bytes bytes = host.table(address, kPage, who);
        const std::uint64_t size = kPage << (9 * (level - 1));
        for (std::size_t i = 0; i < kPage / 8; ++i) {
            const Entry entry = read(format, word(bytes, i), level);
            if (!entry.present)
                continue;
            const char* wrong = entry.wrong;
            if (entry.leaf && (level == 4 || entry.address % size != 0))
                wrong = "is a large page that is malformed";
            if (wrong != nullptr)
                throw Differs("an entry of " + who + " at " + hex(address + 8 * i) + " " + wrong);
            const std::uint64_t both = rights & entry.rights;
            if (!entry.leaf) {
                table(entry.address, level - 1, base + i * size, both);
            } else if (both != 0) {
                const std::string access{(both & 1) != 0 ? 'r' : '-', (both & 2) != 0 ? 'w' : '-',
                                         (both & 4) != 0 ? 'x' : '-'};
                extend(out, {base + i * size, entry.address, size, access, entry.type});
            }
        }
    }
};

} // namespace

Bytes Host::table(std::uint64_t address, std::uint64_t size, const std::string& what, std::uint64_t alignment) {
    if (address % alignment != 0 || address < sealed || size > sealed_size || address - sealed > sealed_size - size)
        throw Differs(what + " lead to " + hex(address) + ", outside the sealed tables");
    const auto behind = used.lower_bound(address + size);
    if (behind != used.begin() && std::prev(behind)->second.first > address)
        throw Differs(what + " lead to " + hex(address) + ", used by " + std::prev(behind)->second.second + " before");
    used.emplace(address, std::pair{address + size, what});
    return bytes.subspan(address - base, size);
}

std::uint64_t word(Bytes table, std::size_t index) {
    return read_at<std::uint64_t>(table, index * 8);
}

std::vector<Memory> reach(Host& host, Format format, std::uint64_t root, int levels, std::uint64_t rights,
                          const std::string& who) {
    Walk walk{host, format, who, {}};
    walk.table(root, levels, 0, rights);
    return std::move(walk.out);
}

} // namespace septum::recheck
