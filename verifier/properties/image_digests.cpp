// SPDX-License-Identifier: Apache-2.0
// image.digests: nothing was altered since it was sealed.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/digest.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

namespace septum::verifier {

namespace {

void digests(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    compare_digest(judge, facts.bundle.manifest_digest, "the manifest", "");
    compare_digest(judge, facts.bundle.tables_digest, "the part of the sealed tables", "");
    for (const PartitionFacts& partition : facts.partitions) {
        compare_digest(judge, partition.payload_digest, "the initial memory of " + ticked(partition.name),
                       partition.name);
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) {
        Words words;
        words.digest(facts.bundle.manifest_digest);
        words.digest(facts.bundle.tables_digest);
        for (const PartitionFacts& partition : facts.partitions) {
            words.digest(partition.payload_digest);
        }
        return words.allowed("image.digests", timeout);
    });
}

} // namespace

const Property kImageDigests{
    .id = "image.digests",
    .title = "nothing was altered since it was sealed",
    .statement = "The SHA-256 of the manifest, of the sealed tables and of every partition's initial memory, computed "
                 "here, are those that the manifest records and the kernel compares again at boot.",
    .level = Level::bytes,
    .rests_on = "SHA-256",
    .manual = "FIPS 180-4",
    .mend = kAlteredOnItsWay,
    .bytes = digests,
};

} // namespace septum::verifier
