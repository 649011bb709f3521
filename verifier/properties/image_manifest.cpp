// SPDX-License-Identifier: Apache-2.0
// image.manifest: the manifest is well-formed.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

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
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) {
        Words words;
        words.is(header.magic, manifest::kMagic);
        words.is(header.version, manifest::kVersion);
        words.is(facts.manifest.defects.total(), 0);
        words.is(header.bundle_base.value, facts.bundle.place.base);
        words.is(header.bundle_size, facts.bundle.size);
        words.text(decode::text(header.name), context.model.name.value);
        return words.allowed("image.manifest", timeout);
    });
}

} // namespace

const Property kImageManifest{
    .id = "image.manifest",
    .title = "the manifest is well-formed",
    .statement =
        "Magic, version and sizes are as expected, every table and slice lies in range, reserved bytes are zero, "
        "names end, and it is the manifest of this appliance.",
    .level = Level::bytes,
    .rests_on = "nothing",
    .manual = "septum/manifest/manifest.hpp",
    .mend = kAlteredOnItsWay,
    .bytes = manifest_bytes,
};

} // namespace septum::verifier
