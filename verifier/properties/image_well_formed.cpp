// SPDX-License-Identifier: Apache-2.0
// image.well-formed: no decoder found anything odd.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/intervals.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

Piece piece(std::uint64_t first, std::uint64_t size) {
    return {first, size > ~first ? ~0ULL : first + size, 0};
}

// What is left of [first, end) of the bytes without those that are described: all its bits together, which are zero.
void put_gaps(Words& words, ByteSpan bytes, const Piece& whole, const Pieces& described) {
    for (const Piece& gap : without({whole}, described)) {
        std::uint64_t any = 0;
        for (std::uint64_t i = gap.first; i < gap.end; ++i) {
            any |= std::uint64_t{bytes[i]} << i % 8 * 8;
        }
        words.is(any, 0);
    }
}

// Everything in the sealed tables that some structure uses, as offsets in the bundle.
Pieces used_pages(const Facts& facts) {
    const std::uint64_t base = facts.bundle.place.base;
    Pieces out;
    const auto use = [&](std::uint64_t page, std::uint64_t size) {
        page &= ~(kPageSize - 1);
        if (page >= base) {
            out.push_back(piece(page - base, size));
        }
    };
    const auto use_all = [&](const std::vector<std::uint64_t>& pages) {
        for (const std::uint64_t page : pages) {
            use(page, kPageSize);
        }
    };
    use_all(facts.kernel.page_table.tables);
    use_all(facts.devices.dma.tables);
    use_all(facts.devices.interrupt_pages);
    for (const PartitionFacts& partition : facts.partitions) {
        use_all(partition.npt.tables);
        use(partition.record.vmcb_boot.value, kPageSize);
        use(partition.record.vmcb_ap.value, kPageSize);
        use(partition.record.iopm.value, decode::kIopmSize);
        use(partition.record.msrpm.value, decode::kMsrpmSize);
    }
    return out;
}

// The same for the solver as far as it can be said in intervals and words: no byte of the bundle behind its manifest,
// nor of an ISO, lies where none is described, and of an ISO no two structures lie over each other.
smt::Answer described_by_solver(const Facts& facts, unsigned timeout) {
    const BundleFacts& bundle = facts.bundle;
    const Piece tables = piece(bundle.tables.base - bundle.place.base, bundle.tables.size);
    Words words;
    put_gaps(words, bundle.bytes, tables, used_pages(facts));
    Pieces payloads;
    for (const PartitionFacts& partition : facts.partitions) {
        for (const PayloadFact& payload : partition.payloads) {
            if (payload.in_bundle) {
                payloads.push_back(piece(payload.offset, payload.size));
            }
        }
    }
    put_gaps(words, bundle.bytes, {tables.end, bundle.bytes.size(), 0}, payloads);
    if (!facts.image || facts.image->kind != ImageKind::iso) {
        return words.allowed("image.well-formed", timeout);
    }
    const decode::Iso& iso = facts.image->iso;
    Pieces described;
    for (const decode::IsoRange& range : iso.described) {
        if (decode::fits(range.offset, range.size, iso.bytes.size())) {
            described.push_back(piece(range.offset, range.size));
        }
    }
    put_gaps(words, iso.bytes, {0, iso.bytes.size(), 0}, described);
    return smt::together({words.allowed("image.well-formed", timeout),
                          smt::never_twice("image.well-formed: structures of the iso", described, timeout)});
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
    const bool described = facts.described && (!facts.image || facts.image->iso.apart);
    judge.solver_agrees(described, [&](unsigned timeout) { return described_by_solver(facts, timeout); });
}

} // namespace

const Property kImageWellFormed{
    .id = "image.well-formed",
    .title = "no decoder found anything odd",
    .statement =
        "Every structure of the image was read to its end without a defect of any kind: nothing reserved is set, "
        "nothing points out of its bounds, no byte lies where none is described. Of an ISO that covers the system "
        "area, descriptors, both partition tables, the boot catalogue, directories and the gaps between them.",
    .level = Level::bytes,
    .rests_on = "the decoders, which have their own tests",
    .manual = "each format's own",
    .mend = kAlteredOnItsWay,
    .bytes = well_formed,
};

} // namespace septum::verifier
