// SPDX-License-Identifier: Apache-2.0
// The two questions: does the image grant exactly what the certificate lists, and is that a separation?
#include "recheck/claims.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace septum::recheck {

namespace {

void same(const std::string& certificate, const std::string& image, const std::string& what) {
    if (certificate != image)
        throw Differs(what + " is `" + certificate + "` in the certificate, but `" + image + "` in the image");
}

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
    return show(r.ids) + " " + r.state + (r.state == "translated" ? " in domain " + std::to_string(r.domain) : "");
}
std::string show(const Private& p) {
    return p.name + " at " + range(p.base, p.base + p.size);
}
std::string show(std::uint32_t number) {
    return std::to_string(number);
}

template <typename Item>
void same_list(const std::vector<Item>& certificate, const std::vector<Item>& image, const std::string& what) {
    for (std::size_t i = 0; i < std::max(certificate.size(), image.size()); ++i) {
        if (i >= image.size())
            throw Differs("the certificate lists " + what + " that the image does not grant: " + show(certificate[i]));
        if (i >= certificate.size())
            throw Differs("the image grants " + what + " that the certificate does not list: " + show(image[i]));
        if (certificate[i] != image[i]) {
            throw Differs("certificate and image differ in " + what + ": " + show(certificate[i]) +
                          " in the certificate, " + show(image[i]) + " in the image");
        }
    }
}

struct Piece {
    std::uint64_t first;
    std::uint64_t end;
    std::string owner;
    bool writes;
};

bool writes(const Memory& memory) {
    return memory.access.find('w') != std::string::npos;
}

// Sorted by `first`; calls `meet` for every pair that overlaps.
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
void check_memory(const Claims& claims) {
    std::vector<Piece> pieces;
    for (const Partition& partition : claims.partitions) {
        for (const Memory& memory : partition.memory) {
            if (memory.size == 0 || memory.hpa + memory.size < memory.hpa)
                throw Differs("a grant of `" + partition.name + "` is empty or wraps");
            pieces.push_back({memory.hpa, memory.hpa + memory.size, partition.name, writes(memory)});
        }
    }
    std::vector<Channel> channels = claims.channels;
    std::sort(channels.begin(), channels.end(), [](const Channel& a, const Channel& b) { return a.base < b.base; });
    sweep(std::move(pieces), [&](const Piece& a, const Piece& b) {
        const std::uint64_t first = std::max(a.first, b.first);
        const std::uint64_t end = std::min(a.end, b.end);
        const std::string where = range(first, end);
        if (a.owner == b.owner)
            throw Differs("`" + a.owner + "` reaches host-physical " + where + " by two guest addresses");
        std::uint64_t at = first; // as far as channels from one to the other reach: they may adjoin
        for (const Channel& c : channels) {
            const Piece& writer = a.owner == c.from ? a : b;
            const Piece& reader = a.owner == c.from ? b : a;
            if (writer.owner == c.from && reader.owner == c.to && !reader.writes && c.base <= at &&
                at - c.base < c.size)
                at = c.base + c.size;
        }
        const bool log = std::any_of(claims.kernel.begin(), claims.kernel.end(), [&](const Private& own) {
            return own.name == kEventLog && own.base <= first && end <= own.base + own.size && !a.writes && !b.writes;
        });
        if (at < end && !log) {
            throw Differs("`" + a.owner + "` and `" + b.owner + "` both reach host-physical " + where +
                          ", which is no channel between them");
        }
    });
}

// Here a piece of the kernel's `writes` when nobody may even read it.
void check_kernel_private(const Claims& claims) {
    std::vector<Piece> pieces;
    for (const Private& own : claims.kernel)
        pieces.push_back({own.base, own.base + own.size, "", own.name != kEventLog});
    for (const Partition& partition : claims.partitions) {
        for (const Memory& memory : partition.memory)
            pieces.push_back({memory.hpa, memory.hpa + memory.size, "`" + partition.name + "`", writes(memory)});
    }
    for (const Domain& domain : claims.domains) {
        for (const Memory& memory : domain.memory)
            pieces.push_back({memory.hpa, memory.hpa + memory.size, "DMA domain " + std::to_string(domain.id), true});
    }
    std::erase_if(pieces, [](const Piece& piece) { return piece.first == piece.end; });
    if (std::any_of(pieces.begin(), pieces.end(), [](const Piece& piece) { return piece.first > piece.end; }))
        throw Differs("a range of the kernel's own wraps");
    sweep(std::move(pieces), [](const Piece& a, const Piece& b) {
        if (a.owner.empty() != b.owner.empty() && (a.writes || b.writes)) {
            throw Differs((a.owner.empty() ? b.owner : a.owner) + " reaches " +
                          range(std::max(a.first, b.first), std::min(a.end, b.end)) + ", which is the kernel's own");
        }
    });
}

// A CPU, an ASID, a port has one owner.
void check_exclusive(const Claims& claims) {
    std::set<std::string> names;
    std::map<std::uint64_t, std::string> asids;
    std::map<std::uint64_t, std::string> cpus;
    std::vector<Piece> ports;
    for (const Partition& partition : claims.partitions) {
        if (!names.insert(partition.name).second)
            throw Differs("two partitions are called `" + partition.name + "`");
        if (partition.asid == 0 || !asids.emplace(partition.asid, partition.name).second) {
            throw Differs("`" + partition.name + "` has ASID " + std::to_string(partition.asid) +
                          ", which is not its own");
        }
        for (const std::uint32_t id : partition.apic_ids) {
            if (!cpus.emplace(id, partition.name).second)
                throw Differs("`" + partition.name + "` and `" + cpus[id] + "` own CPU " + std::to_string(id));
        }
        for (const Range& range : partition.ports)
            ports.push_back({range.first, range.last + 1ULL, partition.name, false});
    }
    sweep(std::move(ports), [](const Piece& a, const Piece& b) {
        throw Differs("`" + a.owner + "` and `" + b.owner + "` both reach port " + hex(b.first));
    });
}

// What a device reaches, its owner reaches at the same address, with no less right.
void check_confined(const Image& image) {
    std::map<std::uint64_t, std::string> owner;
    for (const Owned& device : image.devices) {
        if (const auto [at, added] = owner.emplace(device.domain, device.partition);
            !added && at->second != device.partition) {
            throw Differs("`" + at->second + "` and `" + device.partition + "` share DMA domain " +
                          std::to_string(device.domain));
        }
    }
    for (const Requesters& requesters : image.claims.requesters) {
        if (requesters.state == "blocked")
            continue;
        if (requesters.state != "translated")
            throw Differs("requests of " + show(requesters.ids) + " are " + requesters.state);
        for (std::uint32_t id = requesters.ids.first; id <= requesters.ids.last; ++id) {
            if (std::none_of(image.devices.begin(), image.devices.end(), [&](const Owned& device) {
                    return device.requester == id && device.domain == requesters.domain;
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
    same(certificate.appliance, image.appliance, "the appliance's name");
    same(certificate.board, image.board, "the board's name");
    same(certificate.unit, image.unit, "the kind of IOMMU");
    same(certificate.digests.image, image.digests.image, "the SHA-256 of the image");
    same(std::to_string(certificate.digests.image_size), std::to_string(image.digests.image_size),
         "the size of the image");
    same(certificate.digests.kernel, image.digests.kernel, "the SHA-256 of the kernel");
    same(certificate.digests.bundle, image.digests.bundle, "the SHA-256 of the bundle");
    if (certificate.partitions.size() != image.partitions.size()) {
        throw Differs("the certificate lists " + std::to_string(certificate.partitions.size()) +
                      " partitions, the image has " + std::to_string(image.partitions.size()));
    }
    for (std::size_t i = 0; i < image.partitions.size(); ++i) {
        const Partition& a = certificate.partitions[i];
        const Partition& b = image.partitions[i];
        same(a.name, b.name, "the name of partition " + std::to_string(i));
        const std::string of = " of `" + b.name + "`";
        same(std::to_string(a.asid), std::to_string(b.asid), "the ASID" + of);
        same_list(a.apic_ids, b.apic_ids, "a CPU" + of);
        same_list(a.memory, b.memory, "memory" + of);
        same_list(a.ports, b.ports, "ports" + of);
        same_list(a.msr_reads, b.msr_reads, "MSRs to read" + of);
        same_list(a.msr_writes, b.msr_writes, "MSRs to write" + of);
    }
    same_list(certificate.channels, image.channels, "a channel");
    same_list(certificate.requesters, image.requesters, "what becomes of requests");
    if (certificate.domains.size() != image.domains.size()) {
        throw Differs("the certificate lists " + std::to_string(certificate.domains.size()) +
                      " DMA domains, the image has " + std::to_string(image.domains.size()));
    }
    for (std::size_t i = 0; i < image.domains.size(); ++i) {
        same(std::to_string(certificate.domains[i].id), std::to_string(image.domains[i].id), "the id of a DMA domain");
        same_list(certificate.domains[i].memory, image.domains[i].memory,
                  "memory of DMA domain " + std::to_string(image.domains[i].id));
    }
    same_list(certificate.kernel, image.kernel, "what is the kernel's own");
}

void check_separation(const Image& image) {
    check_exclusive(image.claims);
    check_memory(image.claims);
    check_kernel_private(image.claims);
    check_confined(image);
}

} // namespace septum::recheck
