// SPDX-License-Identifier: Apache-2.0
#include "recheck/tables.hpp"

#include <array>
#include <cstring>
#include <set>

namespace septum::recheck {

namespace {

constexpr std::uint64_t kPresent = 1ULL << 0;
constexpr std::uint64_t kWritable = 1ULL << 1;
constexpr std::uint64_t kUser = 1ULL << 2;
constexpr std::uint64_t kWriteThrough = 1ULL << 3; // PWT
constexpr std::uint64_t kCacheDisable = 1ULL << 4; // PCD
constexpr std::uint64_t kAccessed = 1ULL << 5;
constexpr std::uint64_t kDirty = 1ULL << 6;
constexpr std::uint64_t kLarge = 1ULL << 7; // PS above the last level, PAT in it
constexpr std::uint64_t kLargePat = 1ULL << 12;
constexpr std::uint64_t kNoExecute = 1ULL << 63;

// PAT after reset (APM 2 §7.8.2), by PCD and PWT: its upper half is the same four.
const char* memory_type(std::uint64_t entry) {
    static constexpr std::array<const char*, 4> kTypes{"write-back", "write-through", "uncached-minus", "uncacheable"};
    return kTypes[((entry & kCacheDisable) != 0 ? 2U : 0U) + ((entry & kWriteThrough) != 0 ? 1U : 0U)];
}

class Walker {
public:
    Walker(const Host& host, const std::string& who) : host_(host), who_(who) {}

    std::vector<Memory> walk(std::uint64_t root) {
        table(root, 4, 0, kWritable | kUser);
        return std::move(out_);
    }

private:
    // `rights`: R/W and U/S of all levels above, and NX if one of them has it.
    void table(std::uint64_t address, int level, std::uint64_t base, std::uint64_t rights) {
        if (!seen_.insert(address).second) { // also bounds the work, whatever the bytes
            throw Differs("a page of the nested tables of `" + who_ + "` is used twice: " + hex(address));
        }
        const Bytes bytes = host_.table(address, kPage, "the nested tables of `" + who_ + "`");
        for (std::size_t i = 0; i < kPage / 8; ++i) {
            const std::uint64_t entry = word(bytes, i);
            if ((entry & kPresent) == 0)
                continue;
            const std::uint64_t size = kPage << (9 * (level - 1));
            const std::uint64_t gpa = base + i * size;
            const std::uint64_t both = ((rights & entry) & (kWritable | kUser)) | ((rights | entry) & kNoExecute);
            const bool leaf = level == 1 || (entry & kLarge) != 0;
            const std::uint64_t written = leaf ? kAccessed | kDirty : kAccessed;
            if ((entry & written) != written) {
                throw Differs("an entry of the nested tables of `" + who_ + "` at " + hex(address + 8 * i) +
                              " would be written by the processor: accessed or dirty is clear");
            }
            if (!leaf) {
                table(entry & kAddress, level - 1, gpa, both);
                continue;
            }
            if (level == 4)
                throw Differs("a reserved bit is set at the top of the nested tables of `" + who_ + "`");
            std::uint64_t hpa = entry & kAddress;
            if (level > 1) {
                hpa &= ~kLargePat;
                if (hpa % size != 0)
                    throw Differs("a large page of `" + who_ + "` at " + hex(gpa) + " is not aligned");
            }
            if ((both & kUser) != 0) { // else every guest access faults (§15.25.5)
                const std::string access =
                    std::string("r") + ((both & kWritable) != 0 ? "w" : "-") + ((both & kNoExecute) != 0 ? "-" : "x");
                extend(out_, {gpa, hpa, size, access, memory_type(entry)});
            }
        }
    }

    const Host& host_;
    const std::string& who_;
    std::set<std::uint64_t> seen_;
    std::vector<Memory> out_;
};

bool bit(Bytes bytes, std::uint64_t index) {
    return (bytes[index / 8] >> (index % 8) & 1) != 0;
}

void extend(std::vector<Range>& ranges, std::uint32_t number) {
    if (!ranges.empty() && ranges.back().last + 1 == number) {
        ranges.back().last = number;
    } else {
        ranges.push_back({number, number});
    }
}

} // namespace

Bytes Host::table(std::uint64_t address, std::uint64_t size, const std::string& what) const {
    if (address % kPage != 0 || address < sealed || size > sealed_size || address - sealed > sealed_size - size)
        throw Differs(what + " lead to " + hex(address) + ", outside the sealed tables");
    return bytes.subspan(address - base, size);
}

std::uint64_t word(Bytes table, std::size_t index) {
    std::uint64_t value = 0;
    std::memcpy(&value, table.data() + index * sizeof value, sizeof value);
    return value;
}

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

void check_template(const Host& host, std::uint64_t vmcb, const Roots& roots, const std::string& who) {
    const Bytes page = host.table(vmcb, kPage, "the VMCB templates of `" + who + "`");
    constexpr std::uint64_t kMaps = 3ULL << 59; // IOIO_PROT and MSR_PROT: bits 27 and 28 at offset 00Ch
    if ((word(page, 1) & kMaps) != kMaps || (word(page, 0x90 / 8) & 1) == 0 || word(page, 0xB0 / 8) != roots.nested ||
        word(page, 0x40 / 8) != roots.iopm || word(page, 0x48 / 8) != roots.msrpm ||
        static_cast<std::uint32_t>(word(page, 0x58 / 8)) != roots.asid) {
        throw Differs("a VMCB template of `" + who + "` at " + hex(vmcb) +
                      " does not run it on its own page tables and permission maps, under its ASID");
    }
}

std::vector<Memory> nested_reach(const Host& host, std::uint64_t root, const std::string& who) {
    return Walker(host, who).walk(root);
}

std::vector<Range> granted_ports(const Host& host, std::uint64_t iopm, const std::string& who) {
    const Bytes map = host.table(iopm, 3 * kPage, "the I/O permission map of `" + who + "`");
    std::vector<Range> out;
    for (std::uint32_t port = 0; port <= 0xFFFF; ++port) {
        if (!bit(map, port))
            extend(out, port);
    }
    for (std::uint64_t behind = 0x10000; behind <= 0x10002; ++behind) { // tested by accesses that run past 0xFFFF
        if (!bit(map, behind))
            throw Differs("`" + who + "` may run past port 0xffff");
    }
    return out;
}

std::vector<Range> granted_msrs(const Host& host, std::uint64_t msrpm, bool write, const std::string& who) {
    const Bytes map = host.table(msrpm, 2 * kPage, "the MSR permission map of `" + who + "`");
    static constexpr std::array<std::uint32_t, 3> kFirst{0x0000'0000, 0xC000'0000, 0xC001'0000};
    std::vector<Range> out;
    for (std::size_t part = 0; part < kFirst.size(); ++part) {
        for (std::uint32_t i = 0; i < 0x2000; ++i) {
            if (!bit(map, part * 0x800 * 8 + i * 2ULL + (write ? 1 : 0)))
                extend(out, kFirst[part] + i);
        }
    }
    return out;
}

} // namespace septum::recheck
