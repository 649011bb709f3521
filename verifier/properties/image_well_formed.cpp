// SPDX-License-Identifier: Apache-2.0
// image.well-formed: no decoder found anything odd.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

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

} // namespace

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
    .mend = kAlteredOnItsWay,
    .bytes = well_formed,
};

} // namespace septum::verifier
