// SPDX-License-Identifier: Apache-2.0
// The image: what boots is what was judged, whole and unaltered.
#include "verifier/properties/judge.hpp"
#include "verifier/properties/kernel_ranges.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/wording.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void compare_digest(Judge& judge, const DigestFact& digest, const std::string& what, const std::string& partition) {
    if (digest.matches()) {
        return;
    }
    Said said;
    said.message = fmt::format("{} is not what the manifest measured: expected {}, found {}", what, hex(digest.claimed),
                               hex(digest.computed));
    if (!partition.empty()) {
        said.partitions.push_back(partition);
    }
    said.key = what;
    said.witness = "SHA-256 " + hex(digest.computed);
    judge.violated(std::move(said));
}

void digests(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    compare_digest(judge, facts.bundle.manifest_digest, "the manifest", "");
    compare_digest(judge, facts.bundle.tables_digest, "the part of the sealed tables", "");
    for (const PartitionFacts& partition : facts.partitions) {
        compare_digest(judge, partition.payload_digest, "the initial memory of " + ticked(partition.name),
                       partition.name);
    }
}

void kernel(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    compare_digest(judge, facts.bundle.kernel_file_digest, "the kernel's file", "");
    compare_digest(judge, facts.bundle.kernel_digest, "the kernel's code and constants", "");
    if (const auto& wanted = context.options.kernel; wanted && hex(facts.kernel.file_digest) != *wanted) {
        judge.violated({.message = fmt::format("the image's kernel is not septum's own: expected {}, found {}", *wanted,
                                               hex(facts.kernel.file_digest)),
                        .key = "another",
                        .witness = "SHA-256 " + hex(facts.kernel.file_digest),
                        .help = "build the image anew, or name the kernel that it was built with: `--kernel`"});
    }
    const PlaceRange& place = facts.kernel.place;
    if (place.base != layout::kKernelBase || place.base + place.size > layout::kKernelLimit) {
        judge.violated({.message = fmt::format("the kernel lies at {}, expected inside {}",
                                               range(place.base, place.base + place.size),
                                               range(layout::kKernelBase, layout::kKernelLimit)),
                        .key = "place",
                        .witness = "host-physical " + address(place.base)});
    }
    Pieces segments;
    bool entered = false;
    for (const decode::ElfSegment& segment : facts.kernel.elf.segments) {
        const std::uint64_t end = segment.physical_address + segment.memory_size;
        segments.push_back({segment.physical_address, end, segments.size()});
        entered = entered ||
                  ((segment.flags & decode::kElfExecute) != 0 && facts.kernel.elf.entry >= segment.virtual_address &&
                   facts.kernel.elf.entry < segment.virtual_address + segment.memory_size);
        if (segment.physical_address != segment.virtual_address) {
            judge.violated({.message = fmt::format("the kernel's segment at {} is linked for {}",
                                                   address(segment.physical_address), address(segment.virtual_address)),
                            .key = "identity",
                            .witness = "host-physical " + address(segment.physical_address)});
        }
    }
    for (const Piece& piece : without(segments, {{place.base, place.base + place.size, 0}})) {
        judge.violated({.message = fmt::format("the kernel's segment {} lies outside the kernel's range at {}",
                                               piece.value, range(piece.first, piece.end)),
                        .key = "segment",
                        .witness = "host-physical " + address(piece.first)});
    }
    for (const Overlap& overlap : overlaps(segments)) {
        judge.violated(
            {.message = fmt::format("the kernel's segments {} and {} overlap", overlap.earlier, overlap.later),
             .key = "overlap",
             .witness = "host-physical " + address(overlap.first)});
    }
    if (!entered) {
        judge.violated({.message = fmt::format("the kernel's entry {} lies in no executable segment",
                                               address(facts.kernel.elf.entry)),
                        .key = "entry",
                        .witness = "host-physical " + address(facts.kernel.elf.entry)});
    }
    for (const Defect& defect : facts.kernel.elf.defects.kept()) {
        judge.violated({.message = fmt::format("the kernel: {}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = decode::name(defect.kind),
                        .witness = "file offset " + address(defect.address)});
    }
}

// Everything with a host-physical place, with its name.
std::vector<OwnRange> planned(const Context& context) {
    std::vector<OwnRange> out = kernel_ranges(*context.facts);
    for (const PartitionFacts& partition : context.facts->partitions) {
        for (const manifest::Region& region : partition.regions) {
            if (region.kind == manifest::RegionKind::ram) {
                out.push_back({"the RAM of " + ticked(partition.name), region.hpa.value, region.size});
            }
        }
    }
    for (const manifest::Channel& channel : context.facts->manifest.channels) {
        out.push_back(
            {"channel " + ticked(decode::text(channel.name)), channel.memory.base.value, channel.memory.size});
    }
    return out;
}

void layout(const Context& context, Judge& judge) {
    const std::vector<OwnRange> all = planned(context);
    Pieces pieces;
    Pieces memory;
    for (std::size_t i = 0; i < all.size(); ++i) {
        pieces.push_back({all[i].base, all[i].base + all[i].size, i});
        if (!all[i].device && !all[i].low) {
            memory.push_back(pieces.back());
        }
        if (all[i].base % kPageSize != 0 || all[i].size % kPageSize != 0 || all[i].base + all[i].size < all[i].base) {
            judge.violated({.message = fmt::format("{} lies at {} with {:#x} bytes, expected whole pages", all[i].name,
                                                   address(all[i].base), all[i].size),
                            .key = "pages:" + all[i].name,
                            .witness = "host-physical " + address(all[i].base)});
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format("{} and {} overlap at {}", all[overlap.earlier].name,
                                               all[overlap.later].name, range(overlap.first, overlap.end)),
                        .key = all[overlap.earlier].name + all[overlap.later].name,
                        .witness = "host-physical " + address(overlap.first)});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("image.layout", pieces, timeout); });
    // The kernel looks for these ranges in the firmware's map: one that is left out would not be looked for.
    Pieces listed;
    for (const manifest::Range& ram : context.facts->manifest.ram) {
        listed.push_back({ram.base.value, ram.base.value + ram.size, 0});
    }
    const Pieces unlisted = without(memory, listed);
    for (const Piece& piece : unlisted) {
        judge.violated({.message = fmt::format("{} at {} is not on the list of memory that the kernel looks for",
                                               all[piece.value].name, range(piece.first, piece.end)),
                        .key = "unlisted:" + all[piece.value].name,
                        .witness = "host-physical " + address(piece.first)});
    }
    judge.solver_agrees(unlisted.empty(), [&](unsigned timeout) {
        return smt::within("image.layout: planned memory is listed", united(memory), united(listed), timeout);
    });
}

void manifest_bytes(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    const manifest::Header& header = facts.manifest.header;
    if (header.magic != manifest::kMagic || header.version != manifest::kVersion) {
        judge.violated({.message = fmt::format("the manifest is version {} with magic {:#x}, expected {} and {:#x}",
                                               header.version, header.magic, manifest::kVersion, manifest::kMagic),
                        .key = "version"});
    }
    for (const Defect& defect : facts.manifest.defects.kept()) {
        judge.violated({.message = fmt::format("the manifest: {}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = fmt::format("{}:{}", decode::name(defect.kind), defect.what),
                        .witness = "bundle offset " + address(defect.address)});
    }
    if (header.bundle_size != facts.bundle.size || header.bundle_base.value != facts.bundle.place.base) {
        judge.violated({.message = fmt::format("the bundle has {} bytes, but the manifest says {}", facts.bundle.size,
                                               header.bundle_size),
                        .key = "size"});
    }
    if (decode::text(header.name) != context.model.name.value) {
        judge.violated({.message = fmt::format("the image is `{}`, expected `{}`", decode::text(header.name),
                                               context.model.name.value),
                        .key = "name",
                        .primary = context.model.name.span});
    }
}

void well_formed(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    for (const Defect& defect : facts.defects.kept()) {
        judge.violated({.message = fmt::format("{}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = fmt::format("{}:{}", decode::name(defect.kind), defect.what),
                        .witness = address(defect.address)});
    }
    if (facts.defects.total() > facts.defects.kept().size()) {
        judge.violated({.message = fmt::format("{} more defects are not listed",
                                               facts.defects.total() - facts.defects.kept().size()),
                        .key = "more"});
    }
    for (const std::uint64_t page : facts.unused_tables) {
        judge.violated({.message = fmt::format(
                            "the page {} of the sealed tables belongs to no structure, yet is not zero", address(page)),
                        .key = "unused",
                        .witness = "host-physical " + address(page)});
    }
}

constexpr const char* kRebuild = "build the image anew; if it stays, something alters it on its way";

} // namespace

const Property kImageDigests{
    .id = "image.digests",
    .title = "nothing was altered since it was sealed",
    .statement = "The SHA-256 of the manifest, of the sealed tables and of every partition's initial memory, computed "
                 "here, are those that the manifest records and the kernel compares again at boot.",
    .level = Level::bytes,
    .rests_on = "SHA-256",
    .manual = "FIPS 180-4",
    .mend = kRebuild,
    .bytes = digests,
};

const Property kImageKernel{
    .id = "image.kernel",
    .title = "the kernel is the one measured",
    .statement =
        "The kernel's file is the one that septum came with (or `--kernel` names) and has the digest that the manifest "
        "records, and so have its segments that are not "
        "writable, which the kernel compares again at boot; its segments lie in the kernel's range, apart from "
        "each other, at the address they are linked for.",
    .level = Level::bytes,
    .rests_on = "SHA-256; what the kernel's code does is tested, not proved",
    .manual = "System V gABI chapter 5; FIPS 180-4",
    .mend = "build the image anew with the kernel that it was planned for",
    .bytes = kernel,
};

const Property kImageLayout{
    .id = "image.layout",
    .title = "planned places do not overlap",
    .statement = "The kernel, its workspace, manifest, tables, payload copies, the start page of processors, every "
                 "partition's RAM, every channel and the registers of APIC and IOMMU lie apart, in whole pages; all "
                 "memory among them is on the list that the kernel looks for in the firmware's map.",
    .level = Level::bytes,
    .rests_on = "the manifest, which is what the kernel places things by",
    .manual = "septum/manifest/manifest.hpp",
    .mend = kRebuild,
    .bytes = layout,
};

const Property kImageManifest{
    .id = "image.manifest",
    .title = "the manifest is well-formed",
    .statement =
        "Magic, version and sizes are as expected, every table and slice lies in range, reserved bytes are zero, "
        "names end, and it is the manifest of this appliance.",
    .level = Level::bytes,
    .rests_on = "nothing",
    .manual = "septum/manifest/manifest.hpp",
    .mend = kRebuild,
    .bytes = manifest_bytes,
};

const Property kImageWellFormed{
    .id = "image.well-formed",
    .title = "no decoder found anything odd",
    .statement =
        "Every structure of the image was read to its end without a defect of any kind: nothing reserved is set, "
        "nothing points out of its bounds, no byte lies where none is described. Of an ISO that covers the system "
        "area, "
        "descriptors, both partition tables, the boot catalogue, directories and the gaps between them.",
    .level = Level::bytes,
    .rests_on = "the decoders, which have their own tests",
    .manual = "each format's own",
    .mend = kRebuild,
    .bytes = well_formed,
};

} // namespace septum::verifier
