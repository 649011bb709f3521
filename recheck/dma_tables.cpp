// SPDX-License-Identifier: Apache-2.0
#include "recheck/tables.hpp"

#include <septum/manifest/manifest.hpp>

#include <map>
#include <set>
#include <tuple>

namespace septum::recheck {

namespace {

constexpr std::uint32_t kIds = 0x1'0000;

void extend(std::vector<Requesters>& all, std::uint32_t id, const std::string& state, std::uint64_t domain) {
    if (!all.empty() && all.back().ids.last + 1 == id && all.back().state == state && all.back().domain == domain) {
        all.back().ids.last = id;
    } else {
        all.push_back({{id, id}, state, domain});
    }
}

// What is common to both vendors' I/O page tables: where rights and leaves are told differs.
struct Format {
    bool amd = false;

    [[nodiscard]] std::uint64_t rights(std::uint64_t entry) const { // bit 0: read, bit 1: write
        return amd ? entry >> 61 & 3 : entry & 3;
    }
    // VT-d has no present bit: an entry without rights leads nowhere (§9.8). AMD: PR (§2.2.3).
    [[nodiscard]] bool present(std::uint64_t entry) const { return amd ? (entry & 1) != 0 : (entry & 3) != 0; }
    [[nodiscard]] bool leaf(std::uint64_t entry, int level) const {
        const std::uint64_t next = entry >> 9 & 7; // AMD: 0 and 7 end the walk
        return amd ? next == 0 || next == 7 : level == 1 || (entry & 1ULL << 7) != 0;
    }
};

class Walker {
public:
    Walker(const Host& host, Format format, std::string who) : host_(host), format_(format), who_(std::move(who)) {}

    std::vector<Memory> walk(std::uint64_t root, int levels, std::uint64_t rights) {
        table(root, levels, 0, rights);
        return std::move(out_);
    }

private:
    void table(std::uint64_t address, int level, std::uint64_t base, std::uint64_t rights) {
        if (!seen_.insert(address).second)
            throw Differs("a page of " + who_ + " is used twice: " + hex(address));
        const Bytes bytes = host_.table(address, kPage, who_);
        for (std::size_t i = 0; i < kPage / 8; ++i) {
            const std::uint64_t entry = word(bytes, i);
            if (!format_.present(entry))
                continue;
            const std::uint64_t size = kPage << (9 * (level - 1));
            const std::uint64_t address_in = base + i * size;
            const std::uint64_t both = rights & format_.rights(entry);
            if (!format_.leaf(entry, level)) {
                if (level == 1 || (format_.amd && (entry >> 9 & 7) != static_cast<std::uint64_t>(level - 1)))
                    throw Differs(who_ + " skip a level at " + hex(address + 8 * i));
                table(entry & kAddress, level - 1, address_in, both);
                continue;
            }
            if (format_.amd && (entry >> 9 & 7) == 7)
                throw Differs(who_ + " use a page size that Septum does not, at " + hex(address + 8 * i));
            const std::uint64_t hpa = entry & kAddress;
            if (level == 4 || hpa % size != 0)
                throw Differs("a large page of " + who_ + " at " + hex(address_in) + " is malformed");
            if (both != 0) {
                const std::string access =
                    std::string((both & 1) != 0 ? "r" : "-") + ((both & 2) != 0 ? "w" : "-") + "-";
                extend(out_, {address_in, hpa, size, access, ""});
            }
        }
    }

    const Host& host_;
    Format format_;
    std::string who_;
    std::set<std::uint64_t> seen_;
    std::vector<Memory> out_;
};

// Domains found on the way: the same id has the same tables.
class Domains {
public:
    Domains(const Host& host, Format format) : host_(host), format_(format) {}

    void meet(std::uint64_t id, std::uint64_t root, int levels, std::uint64_t rights) {
        const Key key{root, levels, rights};
        const auto [at, added] = found_.emplace(id, std::pair{key, Domain{id, {}}});
        if (found_.size() > manifest::kMaxPartitions)
            throw Differs("there are more DMA domains than partitions");
        if (at->second.first != key)
            throw Differs("DMA domain " + std::to_string(id) + " has two different tables");
        if (added) {
            Walker walker(host_, format_, "the tables of DMA domain " + std::to_string(id));
            at->second.second.memory = walker.walk(root, levels, rights);
        }
    }
    [[nodiscard]] std::vector<Domain> by_id() && {
        std::vector<Domain> out;
        for (auto& [id, found] : found_)
            out.push_back(std::move(found.second));
        return out;
    }

private:
    using Key = std::tuple<std::uint64_t, int, std::uint64_t>; // root, levels, rights
    const Host& host_;
    Format format_;
    std::map<std::uint64_t, std::pair<Key, Domain>> found_;
};

} // namespace

Remapping vtd_remapping(const Host& host, std::uint64_t root_table) {
    Remapping out;
    Domains domains(host, {});
    const Bytes roots = host.table(root_table, kPage, "the IOMMU's root table");
    for (std::uint32_t bus = 0; bus < 256; ++bus) {
        const std::uint64_t root = word(roots, 2UL * bus);
        Bytes contexts;
        if ((root & 1) != 0)
            contexts = host.table(root & kAddress, kPage, "the IOMMU's context tables");
        for (std::uint32_t devfn = 0; devfn < 256; ++devfn) {
            const std::uint32_t id = bus << 8 | devfn;
            const std::uint64_t low = contexts.empty() ? 0 : word(contexts, 2UL * devfn);
            if ((low & 1) == 0) {
                extend(out.requesters, id, "blocked", 0);
                continue;
            }
            const std::uint64_t high = word(contexts, 2UL * devfn + 1);
            const std::uint64_t kind = low >> 2 & 3; // TT
            const std::uint64_t width = high & 7;    // AW
            const std::uint64_t domain = high >> 8 & 0xFFFF;
            if (kind == 2) {
                extend(out.requesters, id, "passthrough", 0);
                continue;
            }
            if (kind != 0 || (width != 1 && width != 2))
                throw Differs("the context entry of requester " + hex(id) + " is of a kind that Septum does not use");
            domains.meet(domain, low & kAddress, width == 1 ? 3 : 4, 3);
            extend(out.requesters, id, "translated", domain);
        }
    }
    out.domains = std::move(domains).by_id();
    return out;
}

Remapping amd_remapping(const Host& host, std::uint64_t device_table) {
    Remapping out;
    Domains domains(host, {true});
    const Bytes table = host.table(device_table, kIds * 32ULL, "the IOMMU's device table");
    for (std::uint32_t id = 0; id < kIds; ++id) {
        const std::uint64_t low = word(table, 4UL * id);
        const std::uint64_t next = word(table, 4UL * id + 1);
        const std::uint64_t rights = low >> 61 & 3;
        const std::uint64_t mode = low >> 9 & 7;
        if ((low & 1) == 0) { // V = 0: everything passes
            extend(out.requesters, id, "passthrough", 0);
        } else if ((low & 2) == 0) { // TV = 0: not told what becomes of it
            extend(out.requesters, id, "unknown", 0);
        } else if (rights == 0) { // IR and IW clear: whatever the tables say, nothing passes
            extend(out.requesters, id, "blocked", 0);
        } else if (mode == 0) {
            extend(out.requesters, id, "passthrough", 0);
        } else {
            if (mode > 4 || (next >> 32 & 1) != 0) { // I: the device may ask for translations
                throw Differs("the device table's entry of requester " + hex(id) +
                              " is of a kind that Septum does not use");
            }
            domains.meet(next & 0xFFFF, low & kAddress, static_cast<int>(mode), rights);
            extend(out.requesters, id, "translated", next & 0xFFFF);
        }
    }
    out.domains = std::move(domains).by_id();
    return out;
}

} // namespace septum::recheck
