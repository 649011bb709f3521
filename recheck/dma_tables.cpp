// SPDX-License-Identifier: Apache-2.0
#include "recheck/tables.hpp"

#include <tuple>

namespace septum::recheck {

namespace {

void extend(std::vector<Requesters>& all, std::uint32_t id, const std::string& state, std::uint64_t domain = 0) {
    if (!all.empty() && all.back().state == state && all.back().domain == domain) {
        all.back().ids.last = id;
    } else {
        all.push_back({{id, id}, state, domain});
    }
}

[[noreturn]] void unused_kind(std::uint32_t id) {
    throw Differs("the IOMMU's entry of requester " + hex(id) + " is of a kind that Septum does not use");
}

using DomainRoot = std::tuple<std::uint64_t, int, std::uint64_t>; // address, levels, rights
using DomainRoots = std::map<std::uint64_t, DomainRoot>;          // by domain

std::string tables_of(std::uint64_t domain) {
    return "the tables of DMA domain " + std::to_string(domain);
}

// The same domain has the same tables.
void meet(DomainRoots& roots, std::uint64_t domain, const DomainRoot& root) {
    if (roots.emplace(domain, root).first->second != root)
        throw Differs(tables_of(domain) + " are two different ones");
    if (roots.size() > manifest::kMaxPartitions)
        throw Differs("there are more DMA domains than partitions");
}

std::vector<Domain> walk(Host& host, Format format, const DomainRoots& roots) {
    std::vector<Domain> out;
    for (const auto& [domain, root] : roots) {
        const auto [address, levels, rights] = root;
        out.push_back({domain, reach(host, format, address, levels, rights, tables_of(domain))});
    }
    return out;
}

} // namespace

void read_vtd(Host& host, const manifest::Iommu& unit, Image& out) {
    std::vector<Requesters>& requesters = out.claims.requesters;
    DomainRoots domains;
    const Bytes roots = host.table(unit.root_table.value, kPage, "the IOMMU's root table");
    Bytes contexts;
    for (std::uint32_t id = 0; id < kIds; ++id) {
        const std::uint64_t root = word(roots, id / 256 * 2UL);
        if ((root & 1) != 0 && id % 256 == 0)
            contexts = host.table(root & kAddress, kPage, "the IOMMU's context tables");
        const std::uint64_t low = (root & 1) != 0 ? word(contexts, id % 256 * 2UL) : 0;
        if ((low & 1) == 0) {
            extend(requesters, id, "blocked");
            continue;
        }
        const std::uint64_t high = word(contexts, id % 256 * 2UL + 1);
        const std::uint64_t kind = low >> 2 & 3; // TT
        const std::uint64_t width = high & 7;    // AW
        const std::uint64_t domain = high >> 8 & 0xFFFF;
        if (kind == 2) {
            extend(requesters, id, "passthrough");
        } else if (kind != 0 || (width != 1 && width != 2)) {
            unused_kind(id);
        } else {
            meet(domains, domain, {low & kAddress, width == 1 ? 3 : 4, 3});
            extend(requesters, id, "translated", domain);
        }
    }
    out.claims.domains = walk(host, Format::vt_d, domains);
    vtd_interrupts(host, unit, out.devices);
}

void read_amd(Host& host, const manifest::Iommu& unit, Image& out) {
    std::vector<Requesters>& requesters = out.claims.requesters;
    const bool wide = (unit.capability & unit.capability_mask & 1U << 2) != 0; // extended feature XTSup, §3.4
    DomainRoots domains;
    const Bytes table = host.table(unit.root_table.value, kIds * 32ULL, "the IOMMU's device table");
    for (std::uint32_t id = 0; id < kIds; ++id) {
        const std::uint64_t low = word(table, 4UL * id);
        const std::uint64_t next = word(table, 4UL * id + 1);
        const std::uint64_t rights = low >> 61 & 3;
        const std::uint64_t mode = low >> 9 & 7;
        amd_interrupts(host, id, word(table, 4UL * id + 2), wide, out.devices);
        if ((low & 1) == 0) { // V = 0: everything passes, as without levels. NOLINT(bugprone-branch-clone)
            extend(requesters, id, "passthrough");
        } else if ((low & 2) == 0) { // TV = 0: not told what becomes of it
            extend(requesters, id, "unknown");
        } else if (rights == 0) { // IR and IW clear: whatever the tables say, nothing passes
            extend(requesters, id, "blocked");
        } else if (mode == 0) {
            extend(requesters, id, "passthrough");
        } else if (mode > 4 || (next >> 32 & 1) != 0) { // I: the device may ask for translations
            unused_kind(id);
        } else {
            meet(domains, next & 0xFFFF, {low & kAddress, static_cast<int>(mode), rights});
            extend(requesters, id, "translated", next & 0xFFFF);
        }
    }
    out.claims.domains = walk(host, Format::amd_vi, domains);
}

} // namespace septum::recheck
