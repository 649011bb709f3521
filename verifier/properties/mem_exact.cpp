// SPDX-License-Identifier: Apache-2.0
// mem.exact: reach equals grant.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/memory_reach.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

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
    const ReachWorld world = gather_reach(
        context, [](const Interval& interval) { return interval.hpa - interval.gpa; },
        [&](std::size_t i, auto&& add) {
            for (const Piece& piece : context.places->partitions[i].expected) {
                add(piece.first, piece.end, piece.value);
            }
        });
    compare_reach(
        context, judge, world, false, "mem.exact",
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
                said.message = difference.right == kUnplaced
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

} // namespace

const Property kMemExact{
    .id = "mem.exact",
    .title = "reach equals grant",
    .statement =
        "For every partition and every guest-physical address: the nested tables lead to the declared memory at its "
        "one place, or to nothing where nothing is declared. RAM lies at 0 and from 4 GiB on, channels from "
        "0xd0000000 on in the order of their names, the BARs of its own devices, without the pages that an MSI-X "
        "table touches, where the manifest shows them; what is pinned is where it is pinned; the manifest's list of "
        "regions says the same as tables and model.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded; the processor's page walk",
    .manual = "AMD APM volume 2 §5.3, §15.25",
    .mend = kNotFromThisModel,
    .bytes = check_exact,
};

} // namespace septum::verifier
