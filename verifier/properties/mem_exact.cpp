// SPDX-License-Identifier: Apache-2.0
// What the nested tables reach equals what the model declares: where, with which rights, cached how. The manifest's
// list of regions is a third witness and must say the same.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// One key for all partitions: the number of the partition above 48 bits of guest-physical address (four levels of
// page table can translate no more).
constexpr unsigned kGpaBits = 48;

std::uint64_t key(std::uint64_t partition, std::uint64_t gpa) {
    return (partition << kGpaBits) | gpa;
}

struct Reached {
    std::string name;
    const config::Partition* partition; // null: not in the model
};

// Every partition of the image behind one another, those of the model first and at their index there.
struct World {
    std::vector<Reached> partitions;
    Pieces actual;
    Pieces expected;
};

template <typename Actual, typename Expected>
World gather(const Context& context, Actual&& actual_value, Expected&& expected_value) {
    World world;
    const auto add = [&](const PartitionFacts& facts, std::uint64_t index) {
        for (const Interval& interval : facts.npt.intervals) {
            world.actual.push_back(
                {key(index, interval.gpa), key(index, interval.gpa) + interval.size, actual_value(interval)});
        }
    };
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const config::Partition& partition = context.model.partitions[i];
        world.partitions.push_back({partition.name.value, &partition});
        const PlacedPartition& placed = context.places->partitions[i];
        if (placed.facts == nullptr) {
            continue;
        }
        add(*placed.facts, i);
        expected_value(i, [&](std::uint64_t first, std::uint64_t end, std::uint64_t value) {
            world.expected.push_back({key(i, first), key(i, end), value});
        });
    }
    for (const PartitionFacts* facts : context.places->undeclared) {
        add(*facts, world.partitions.size());
        world.partitions.push_back({facts->name, nullptr});
    }
    // The tree of the solver is made of the decoded intervals; enumeration joins them, so the two don't share this.
    return world;
}

const Grant* grant_at(const Context& context, std::uint64_t partition, std::uint64_t gpa) {
    if (partition >= context.declared.partitions.size()) {
        return nullptr;
    }
    const auto in = [gpa](const std::vector<Grant>& grants) -> const Grant* {
        for (const Grant& grant : grants) {
            if (gpa >= grant.gpa && gpa < grant.end()) {
                return &grant;
            }
        }
        return nullptr;
    };
    const Grant* declared = in(context.declared.partitions[partition].grants);
    return declared != nullptr ? declared : in(context.places->partitions[partition].devices);
}

// What the three comparisons have in common: sweep, say what differs, ask the solver.
template <typename Describe>
void compare(const Context& context, Judge& judge, const World& world, bool both, const char* query,
             Describe&& describe) {
    std::vector<Difference> found = differences(joined(world.actual), joined(world.expected));
    if (both) {
        std::erase_if(found, [](const Difference& d) { return d.left == kAbsent || d.right == kAbsent; });
    }
    for (const Difference& difference : found) {
        const std::uint64_t index = difference.first >> kGpaBits;
        const std::uint64_t gpa = difference.first & ((1ULL << kGpaBits) - 1);
        const std::uint64_t end = gpa + (difference.end - difference.first);
        const Reached& reached = world.partitions[index < world.partitions.size() ? index : 0];
        const Grant* grant = grant_at(context, index, gpa);
        Said said = describe(difference, reached, grant, gpa, end);
        said.partitions.push_back(reached.name);
        said.notes.insert(said.notes.begin(), "guest-physical " + range(gpa, end));
        if (grant != nullptr) {
            said.primary = grant->span;
        } else if (reached.partition != nullptr) {
            said.primary = reached.partition->name.span;
        }
        judge.violated(std::move(said));
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions(query, sorted(world.actual), sorted(world.expected), both, timeout);
    });
}

void incomplete(const Context& context, Judge& judge) {
    for (const PartitionFacts& facts : context.facts->partitions) {
        if (facts.npt.complete) {
            continue;
        }
        Said said;
        said.message = fmt::format("the nested tables of `{}` can't be read to their end, so what it reaches is not "
                                   "known",
                                   facts.name);
        said.partitions.push_back(facts.name);
        said.key = "incomplete";
        if (!facts.npt.defects.empty()) {
            said.witness = fmt::format("{} at host-physical {}", facts.npt.defects.kept().front().what,
                                       address(facts.npt.defects.kept().front().address));
        }
        judge.violated(std::move(said));
    }
}

void missing(const Context& context, Judge& judge) {
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        if (context.places->partitions[i].facts == nullptr) {
            const config::Partition& partition = context.model.partitions[i];
            judge.violated({.message = fmt::format("`{}` is not in the image", partition.name.value),
                            .partitions = {partition.name.value},
                            .key = "missing",
                            .primary = partition.name.span});
        }
    }
    for (const PartitionFacts* facts : context.places->undeclared) {
        judge.violated(
            {.message = fmt::format("the image has a partition `{}` that the model does not declare", facts->name),
             .partitions = {facts->name},
             .key = "undeclared"});
    }
}

std::string claim_text(const manifest::Region& region) {
    return fmt::format("{} → host-physical {}, {}", range(region.gpa.value, region.gpa.value + region.size),
                       address(region.hpa.value), access_text(region.access));
}

// A device region lies in the BAR that it names, at the same offset on both sides.
void bar_claim(const Context& context, Judge& judge, const std::string& name, const manifest::Region& region) {
    const std::vector<manifest::Bar>& bars = context.facts->manifest.bars;
    const bool inside =
        region.object < bars.size() && region.gpa.value >= bars[region.object].gpa.value &&
        region.hpa.value - bars[region.object].memory.base.value == region.gpa.value - bars[region.object].gpa.value &&
        decode::fits(region.gpa.value - bars[region.object].gpa.value, region.size, bars[region.object].memory.size);
    if (!inside) {
        judge.violated({.message = fmt::format("the manifest says that `{}` reaches {} of a device, and the BAR's own "
                                               "record says otherwise",
                                               name, claim_text(region)),
                        .partitions = {name},
                        .key = "claim-bar",
                        .witness = "guest-physical " + address(region.gpa.value)});
    }
}

// The manifest's list of regions against the model: the kernel scrubs by it.
void claims(const Context& context, Judge& judge) {
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const PartitionFacts* facts = context.places->partitions[i].facts;
        if (facts == nullptr) {
            continue;
        }
        const std::string& name = context.model.partitions[i].name.value;
        Pieces claimed; // by kind and channel, rights, type
        Pieces declared;
        const auto value = [](manifest::RegionKind kind, std::uint32_t channel, std::uint8_t access,
                              manifest::MemoryType type) {
            return static_cast<std::uint64_t>(channel) << 24 | static_cast<std::uint64_t>(kind) << 16 |
                   static_cast<std::uint64_t>(access) << 8 | static_cast<std::uint64_t>(type);
        };
        for (const Grant& grant : all_grants(context.declared, *context.places, i)) {
            const bool device = grant.kind == manifest::RegionKind::device;
            const std::uint32_t object = device                 ? grant.bar
                                         : grant.channel == ~0U ? ~0U
                                                                : context.places->channels[grant.channel].index;
            declared.push_back({grant.gpa, grant.end(),
                                value(grant.kind, object, grant.access,
                                      device ? manifest::MemoryType::uncacheable : manifest::MemoryType::write_back)});
        }
        for (const manifest::Region& region : facts->regions) {
            claimed.push_back({region.gpa.value, region.gpa.value + region.size,
                               value(region.kind, region.object, region.access, region.type)});
            if (region.kind == manifest::RegionKind::device) {
                bar_claim(context, judge, name, region);
            }
            if (region.kind != manifest::RegionKind::channel_send &&
                region.kind != manifest::RegionKind::channel_receive) {
                continue;
            }
            // The channel's own record must give the same place.
            const bool known = region.object < context.facts->manifest.channels.size();
            if (!known || context.facts->manifest.channels[region.object].memory.base != region.hpa ||
                context.facts->manifest.channels[region.object].memory.size != region.size) {
                judge.violated({.message = fmt::format("the manifest says that `{}` reaches {} by a channel, and the "
                                                       "channel's own record says otherwise",
                                                       name, claim_text(region)),
                                .partitions = {name},
                                .key = "claim-channel",
                                .witness = "guest-physical " + address(region.gpa.value)});
            }
        }
        claimed = sorted(std::move(claimed));
        if (!is_disjoint(claimed)) {
            judge.violated({.message = fmt::format("the manifest's regions of `{}` overlap", name),
                            .partitions = {name},
                            .key = "claim-overlap"});
            continue;
        }
        for (const Difference& difference : differences(joined(claimed), joined(declared))) {
            judge.violated({.message = fmt::format("the manifest's regions of `{}` at {} are not the declared ones",
                                                   name, range(difference.first, difference.end)),
                            .partitions = {name},
                            .key = "claim",
                            .witness = "guest-physical " + address(difference.first),
                            .primary = context.model.partitions[i].name.span,
                            .notes = {fmt::format("expected {}, found {}",
                                                  difference.right == kAbsent ? "no region" : "a declared grant",
                                                  difference.left == kAbsent ? "no region" : "another claim")}});
        }
    }
}

// A pinned range lies where the model says.
void pinned(const Context& context, Judge& judge) {
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        if (context.places->partitions[i].facts == nullptr) {
            continue;
        }
        for (const Grant& grant : context.declared.partitions[i].grants) {
            if (!grant.pinned) {
                continue;
            }
            for (const Piece& piece : context.places->partitions[i].expected) {
                if (piece.first >= grant.gpa && piece.first < grant.end() && piece.value != *grant.pinned - grant.gpa) {
                    judge.violated(
                        {.message = fmt::format("{} is pinned at {}, but the image has it at {}",
                                                grant_text(context.model, static_cast<std::uint32_t>(i), grant),
                                                address(*grant.pinned), address(piece.first + piece.value)),
                         .partitions = {context.model.partitions[i].name.value},
                         .key = "pinned",
                         .witness = "host-physical " + address(piece.first + piece.value),
                         .primary = grant.span});
                    break;
                }
            }
        }
    }
}

void check_exact(const Context& context, Judge& judge) {
    for (const DeclaredPartition& partition : context.declared.partitions) {
        for (const Grant& grant : partition.grants) {
            judge.rests_on(grant.span);
        }
    }
    missing(context, judge);
    incomplete(context, judge);
    claims(context, judge);
    pinned(context, judge);
    const World world = gather(
        context, [](const Interval& interval) { return interval.hpa - interval.gpa; },
        [&](std::size_t i, auto&& add) {
            for (const Piece& piece : context.places->partitions[i].expected) {
                add(piece.first, piece.end, piece.value);
            }
        });
    compare(context, judge, world, false, "mem.exact",
            [&](const Difference& difference, const Reached& reached, const Grant* grant, std::uint64_t gpa,
                std::uint64_t end) {
                Said said;
                const std::string what =
                    grant == nullptr
                        ? "nothing"
                        : grant_text(context.model, static_cast<std::uint32_t>(difference.first >> kGpaBits), *grant);
                if (difference.right == kAbsent) {
                    said.message =
                        fmt::format("`{}` reaches host-physical {} at guest-physical {}, which nothing "
                                    "grants",
                                    reached.name, range(gpa + difference.left, end + difference.left), address(gpa));
                    said.witness = "host-physical " + address(gpa + difference.left);
                } else if (difference.left == kAbsent) {
                    said.message = fmt::format("{} is declared, but `{}` does not reach it at {}", what, reached.name,
                                               range(gpa, end));
                    said.witness = "guest-physical " + address(gpa);
                } else {
                    said.message =
                        difference.right == kUnplaced
                            ? fmt::format("`{}` reaches host-physical {} at {}, where the manifest gives {} "
                                          "no place",
                                          reached.name, address(gpa + difference.left), range(gpa, end), what)
                            : fmt::format("`{}` reaches host-physical {} at {}, but {} lies at {}", reached.name,
                                          address(gpa + difference.left), range(gpa, end), what,
                                          address(gpa + difference.right));
                    said.witness = "host-physical " + address(gpa + difference.left);
                }
                return said;
            });
}

void check_permissions(const Context& context, Judge& judge) {
    const World world = gather(
        context, [](const Interval& interval) { return static_cast<std::uint64_t>(interval.access); },
        [&](std::size_t i, auto&& add) {
            for (const Grant& grant : all_grants(context.declared, *context.places, i)) {
                add(grant.gpa, grant.end(), grant.access);
            }
        });
    compare(context, judge, world, true, "mem.permissions",
            [&](const Difference& difference, const Reached& reached, const Grant* grant, std::uint64_t gpa,
                std::uint64_t) {
                const std::string what =
                    grant == nullptr
                        ? "this memory"
                        : grant_text(context.model, static_cast<std::uint32_t>(difference.first >> kGpaBits), *grant);
                Said said;
                said.message = fmt::format("`{}` has {} on {}, but {} is declared", reached.name,
                                           access_text(static_cast<std::uint8_t>(difference.left)), what,
                                           access_text(static_cast<std::uint8_t>(difference.right)));
                said.witness = "guest-physical " + address(gpa);
                return said;
            });
}

void check_type(const Context& context, Judge& judge) {
    const World world = gather(
        context, [](const Interval& interval) { return static_cast<std::uint64_t>(interval.type); },
        [&](std::size_t i, auto&& add) {
            for (const Grant& grant : all_grants(context.declared, *context.places, i)) {
                add(grant.gpa, grant.end(),
                    static_cast<std::uint64_t>(grant.kind == manifest::RegionKind::device
                                                   ? decode::CacheType::uncacheable
                                                   : decode::CacheType::write_back));
            }
        });
    compare(context, judge, world, true, "mem.memory-type",
            [&](const Difference& difference, const Reached& reached, const Grant*, std::uint64_t gpa, std::uint64_t) {
                Said said;
                said.message = fmt::format("`{}` reaches memory at guest-physical {} as {}, expected {}", reached.name,
                                           address(gpa), decode::name(static_cast<decode::CacheType>(difference.left)),
                                           decode::name(static_cast<decode::CacheType>(difference.right)));
                said.witness = "guest-physical " + address(gpa);
                return said;
            });
}

// Within one partition no host byte has two guest addresses.
void check_no_alias(const Context& context, Judge& judge) {
    constexpr unsigned kHostBits = 52;
    Pieces pieces;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        for (const Interval& interval : context.facts->partitions[p].reach_by_host) {
            const std::uint64_t base = static_cast<std::uint64_t>(p) << kHostBits | interval.hpa;
            pieces.push_back({base, base + interval.size, interval.gpa});
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const PartitionFacts& facts = context.facts->partitions[overlap.first >> kHostBits];
        const std::uint64_t hpa = overlap.first & ((1ULL << kHostBits) - 1);
        judge.violated({.message = fmt::format("`{}` reaches host-physical {} by two guest addresses, in the runs that "
                                               "begin at {} and {}",
                                               facts.name, range(hpa, hpa + (overlap.end - overlap.first)),
                                               address(overlap.earlier), address(overlap.later)),
                        .partitions = {facts.name},
                        .witness = "host-physical " + address(hpa)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("mem.no-alias", pieces, timeout); });
}

constexpr const char* kRebuild = "build the image anew; if it stays, the tables were not made from this model";

} // namespace

const Property kMemExact{
    .id = "mem.exact",
    .title = "reach equals grant",
    .statement =
        "For every partition and every guest-physical address: the nested tables lead to the declared memory at "
        "its one place, or to nothing where nothing is declared. RAM lies at 0 and from 4 GiB on, channels from "
        "0xd0000000 on in the order of their names, the BARs of its own devices, without the pages that an MSI-X table "
        "touches, where the manifest shows them; what is pinned is where it is pinned; the manifest's list of regions "
        "says "
        "the same as tables and model.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded; the processor's page walk",
    .manual = "AMD APM volume 2 §5.3, §15.25",
    .mend = kRebuild,
    .bytes = check_exact,
};

const Property kMemPermissions{
    .id = "mem.permissions",
    .title = "rights equal the declared ones",
    .statement = "Wherever a partition reaches declared memory, its rights are exactly the declared ones: RAM rwx, a "
                 "channel rw- for its writer and r-- for its reader, a device's registers rw-.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded; EFER.NXE, which the kernel sets",
    .manual = "AMD APM volume 2 §5.4, §5.6, §15.25.5",
    .mend = kRebuild,
    .bytes = check_permissions,
};

const Property kMemMemoryType{
    .id = "mem.memory-type",
    .title = "memory is cached as declared",
    .statement = "Wherever a partition reaches declared memory, the nested tables ask for write-back caching; of a "
                 "device's registers they ask for none.",
    .level = Level::bytes,
    .rests_on = "the host PAT at its reset value; MTRRs as the firmware set them for RAM",
    .manual = "AMD APM volume 2 §7.8, §15.25.8",
    .mend = kRebuild,
    .bytes = check_type,
};

const Property kMemNoAlias{
    .id = "mem.no-alias",
    .title = "one guest address per host byte",
    .statement =
        "Within a partition no host-physical byte is reached by two guest-physical addresses. Across partitions "
        "mem.disjoint leaves only channels.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded",
    .manual = "AMD APM volume 2 §15.25",
    .mend = kRebuild,
    .bytes = check_no_alias,
};

} // namespace septum::verifier
