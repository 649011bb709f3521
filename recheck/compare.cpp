// SPDX-License-Identifier: Apache-2.0
// The two questions: does the image grant exactly what the certificate lists, and is that a separation?
#include "recheck/claims.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace septum::recheck {

namespace {

std::string show(const Memory& m) {
    return range(m.gpa, m.gpa + m.size) + " at host " + hex(m.hpa) + " " + m.access + " " + m.type;
}
std::string show(const Range& r) {
    return hex(r.first) + ".." + hex(r.last);
}
std::string show(const Channel& c) {
    return "`" + c.name + "` from `" + c.from + "` to `" + c.to + "` at " + range(c.base, c.base + c.size) +
           (c.doorbell ? " with a doorbell" : "");
}
std::string show(const Requesters& r) {
    return show(r.ids) + " " + r.state + " in domain " + std::to_string(r.domain);
}
std::string show(const Interrupts& i) {
    std::string cpus;
    for (const std::uint32_t cpu : i.cpus)
        cpus += " " + std::to_string(cpu);
    return "entries " + show(i.entries) + " of " + hex(i.table) + " for requester " + hex(i.requester) + " of `" +
           i.owner + "`, to CPUs" + cpus + ", vectors " + show(i.vectors) + " " + i.delivery +
           (i.present ? ", present" : "");
}
std::string show(const Private& p) {
    return p.name + " at " + range(p.base, p.base + p.size);
}
std::string show(std::uint64_t number) {
    return std::to_string(number);
}
std::string show(const Domain& d) {
    return std::to_string(d.id);
}
std::string show(const Partition& p) {
    return "`" + p.name + "`, ASID " + std::to_string(p.asid);
}

// Everything that is claimed, in words, under what it is.
struct Section {
    std::string what;
    std::vector<std::string> items;
};

template <typename Items>
Section section(const std::string& what, const Items& items) {
    Section out{what, {}};
    for (const auto& item : items)
        out.items.push_back(show(item));
    return out;
}

std::vector<Section> sections(const Claims& claims) {
    std::vector<Section> out = {
        {"the SHA-256 of the image", {claims.image_digest}},
        {"the appliance's name", {claims.appliance}},
        {"the board's name", {claims.board}},
        {"the kind of IOMMU", {claims.unit}},
        {"the size of the image", {show(claims.image_size)}},
        {"the SHA-256 of the kernel", {claims.kernel_digest}},
        {"the SHA-256 of the bundle", {claims.bundle_digest}},
        section("a partition", claims.partitions),
        section("a channel", claims.channels),
        section("what becomes of requests", claims.requesters),
        section("interrupts", claims.interrupts),
        section("a DMA domain", claims.domains),
        section("what is the kernel's own", claims.kernel),
    };
    for (const Partition& partition : claims.partitions) {
        const std::string of = " of `" + partition.name + "`";
        out.push_back(section("a CPU" + of, partition.apic_ids));
        out.push_back(section("memory" + of, partition.memory));
        out.push_back(section("ports" + of, partition.ports));
        out.push_back(section("MSRs to read" + of, partition.msr_reads));
        out.push_back(section("MSRs to write" + of, partition.msr_writes));
    }
    for (const Domain& domain : claims.domains)
        out.push_back(section("memory of DMA domain " + show(domain), domain.memory));
    return out;
}

enum class Whose : std::uint8_t { kernel, partition, device };

struct Piece {
    std::uint64_t first;
    std::uint64_t end;
    std::string owner;
    bool writes; // of the kernel's: nobody may even read it
    Whose whose;
};

bool writes(const Memory& memory) {
    return memory.access.find('w') != std::string::npos;
}

// Calls `meet` for every pair that overlaps.
template <typename Meet>
void sweep(std::vector<Piece> pieces, Meet&& meet) {
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.first < b.first; });
    std::vector<const Piece*> open; // those that reach beyond what was seen
    for (const Piece& piece : pieces) {
        std::erase_if(open, [&](const Piece* earlier) { return earlier->end <= piece.first; });
        for (const Piece* earlier : open)
            meet(*earlier, piece);
        open.push_back(&piece);
    }
}

// Memory that two partitions reach is a channel's, written by its one writer only, or the event log, written by none.
void check_shared(const Claims& claims, const std::vector<Channel>& channels, const Piece& a, const Piece& b) {
    const std::uint64_t first = std::max(a.first, b.first);
    const std::uint64_t end = std::min(a.end, b.end);
    if (a.owner == b.owner)
        throw Differs(a.owner + " reaches host-physical " + range(first, end) + " by two guest addresses");
    std::uint64_t at = first; // as far as channels from one to the other reach: they may adjoin
    for (const Channel& c : channels) {
        const bool forth = a.owner == "`" + c.from + "`" && b.owner == "`" + c.to + "`" && !b.writes;
        const bool back = b.owner == "`" + c.from + "`" && a.owner == "`" + c.to + "`" && !a.writes;
        if ((forth || back) && c.base <= at && at - c.base < c.size)
            at = c.base + c.size;
    }
    const bool log = std::any_of(claims.kernel.begin(), claims.kernel.end(), [&](const Private& own) {
        return own.name == kEventLog && own.base <= first && end <= own.base + own.size && !a.writes && !b.writes;
    });
    if (at < end && !log) {
        throw Differs(a.owner + " and " + b.owner + " both reach host-physical " + range(first, end) +
                      ", which is no channel between them");
    }
}

void check_memory(const Claims& claims) {
    std::vector<Piece> pieces;
    const auto add = [&](std::uint64_t base, std::uint64_t size, const std::string& owner, bool written, Whose whose) {
        if (base + size < base)
            throw Differs("a range of " + owner + " wraps: " + hex(size) + " bytes at " + hex(base));
        if (size != 0)
            pieces.push_back({base, base + size, owner, written, whose});
    };
    for (const Private& own : claims.kernel)
        add(own.base, own.size, own.name, own.name != kEventLog, Whose::kernel);
    for (const Partition& partition : claims.partitions) {
        for (const Memory& memory : partition.memory)
            add(memory.hpa, memory.size, "`" + partition.name + "`", writes(memory), Whose::partition);
    }
    for (const Domain& domain : claims.domains) {
        for (const Memory& memory : domain.memory)
            add(memory.hpa, memory.size, "DMA domain " + show(domain), true, Whose::device);
    }
    std::vector<Channel> channels = claims.channels;
    std::sort(channels.begin(), channels.end(), [](const Channel& a, const Channel& b) { return a.base < b.base; });
    sweep(std::move(pieces), [&](const Piece& a, const Piece& b) {
        if (a.whose == Whose::partition && b.whose == Whose::partition)
            check_shared(claims, channels, a, b);
        if ((a.whose == Whose::kernel) != (b.whose == Whose::kernel) && (a.writes || b.writes)) {
            throw Differs((a.whose == Whose::kernel ? b : a).owner + " reaches " +
                          range(std::max(a.first, b.first), std::min(a.end, b.end)) + ", which is the kernel's own");
        }
    });
}

// A CPU, an ASID, a port has one owner.
void check_exclusive(const Claims& claims) {
    std::set<std::string> names;
    std::set<std::uint64_t> asids;
    std::map<std::uint64_t, std::string> cpus;
    std::vector<Piece> ports;
    for (const Partition& partition : claims.partitions) {
        const std::string who = "`" + partition.name + "`";
        if (!names.insert(who).second)
            throw Differs("two partitions are called " + who);
        if (partition.asid == 0 || !asids.insert(partition.asid).second)
            throw Differs(who + " has ASID " + std::to_string(partition.asid) + ", which is not its own");
        for (const std::uint32_t id : partition.apic_ids)
            if (const auto [at, added] = cpus.emplace(id, who); !added)
                throw Differs(who + " and " + at->second + " own CPU " + std::to_string(id));
        for (const Range& range : partition.ports)
            ports.push_back({range.first, range.last + 1ULL, partition.name, false, Whose::partition});
    }
    sweep(std::move(ports), [](const Piece& a, const Piece& b) {
        throw Differs("`" + a.owner + "` and `" + b.owner + "` both reach port " + hex(b.first));
    });
}

// What a device reaches, its owner reaches at the same address, with no less right.
void check_confined(const Image& image) {
    std::map<std::uint64_t, std::string> owner;
    std::set<std::uint32_t> ids;
    for (const Owned& device : image.devices) {
        const auto [requester, who] = std::tie(device.interrupts.requester, device.interrupts.owner);
        const auto at = owner.emplace(device.domain, who).first;
        if (at->second != who)
            throw Differs("`" + at->second + "` and `" + who + "` share DMA domain " + std::to_string(device.domain));
        if (!ids.insert(requester).second)
            throw Differs("requester " + hex(requester) + " is in the manifest twice");
    }
    for (const Requesters& requesters : image.claims.requesters) {
        if (requesters.state == "blocked")
            continue;
        if (requesters.state != "translated")
            throw Differs("requests of " + show(requesters.ids) + " are " + requesters.state);
        for (std::uint64_t id = requesters.ids.first; id <= requesters.ids.last; ++id) {
            if (std::none_of(image.devices.begin(), image.devices.end(), [&](const Owned& device) {
                    return device.interrupts.requester == id && device.domain == requesters.domain;
                })) {
                throw Differs("requests of " + hex(id) + " are let through, but no partition owns that device");
            }
        }
    }
    for (const Domain& domain : image.claims.domains) {
        const auto who = owner.find(domain.id);
        const auto partition =
            std::find_if(image.claims.partitions.begin(), image.claims.partitions.end(),
                         [&](const Partition& p) { return who != owner.end() && p.name == who->second; });
        if (partition == image.claims.partitions.end())
            throw Differs("DMA domain " + std::to_string(domain.id) + " is nobody's");
        for (const Memory& reach : domain.memory) {
            std::uint64_t at = reach.gpa;
            for (const Memory& own : partition->memory) { // sorted
                const bool right = own.hpa - own.gpa == reach.hpa - reach.gpa && (!writes(reach) || writes(own));
                if (right && own.gpa <= at && at < own.gpa + own.size)
                    at = std::min(own.gpa + own.size, reach.gpa + reach.size);
            }
            if (at != reach.gpa + reach.size) {
                throw Differs("devices of `" + partition->name + "` reach host-physical " +
                              hex(at - reach.gpa + reach.hpa) + ", which it does not reach itself");
            }
        }
    }
}

} // namespace

void compare(const Claims& certificate, const Claims& image) {
    const std::vector<Section> claimed = sections(certificate);
    const std::vector<Section> found = sections(image);
    for (std::size_t s = 0; s < found.size(); ++s) { // the same ones: partitions and domains come first
        const std::string& what = found[s].what;
        const std::vector<std::string>& a = claimed[s].items;
        const std::vector<std::string>& b = found[s].items;
        for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
            const std::string x = i < a.size() ? a[i] : "nothing more";
            const std::string y = i < b.size() ? b[i] : "nothing more";
            if (x != y)
                throw Differs("certificate and image differ in " + what + ": " + x + " in the certificate, " + y +
                              " in the image");
        }
    }
}

void check_separation(const Image& image) {
    check_exclusive(image.claims);
    check_memory(image.claims);
    check_confined(image);
}

} // namespace septum::recheck
