// SPDX-License-Identifier: Apache-2.0
// asid.unique: address-space ids are unique.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"

#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void asid_bytes(const Context& context, Judge& judge) {
    Pieces keys;
    std::map<std::uint32_t, const PartitionFacts*> owners;
    bool once = true;
    for (const PartitionFacts& partition : context.facts->partitions) {
        const std::uint32_t asid = partition.record.asid;
        keys.push_back({asid, static_cast<std::uint64_t>(asid) + 1, keys.size()});
        if (asid == 0) {
            judge.violated(
                {.message = fmt::format("`{}` has address-space id 0, which is the kernel's own", partition.name),
                 .partitions = {partition.name},
                 .key = "zero",
                 .witness = "ASID 0"});
        }
        for (const auto& [vmcb, which] :
             {std::pair{&partition.vmcb_boot, "boot"}, {&partition.vmcb_ap, "application"}}) {
            if (vmcb->asid != asid) {
                judge.violated({.message = fmt::format("the {} CPU's VMCB template of `{}` has ASID {}, expected {}",
                                                       which, partition.name, vmcb->asid, asid),
                                .partitions = {partition.name},
                                .key = "vmcb",
                                .witness = fmt::format("ASID {}", vmcb->asid)});
            }
        }
        const auto [first, fresh] = owners.emplace(asid, &partition);
        if (!fresh) {
            once = false;
            judge.violated({.message = fmt::format("`{}` and `{}` have the same ASID {}", partition.name,
                                                   first->second->name, asid),
                            .partitions = {partition.name, first->second->name},
                            .key = "same",
                            .witness = fmt::format("ASID {}", asid)});
        }
    }
    judge.solver_agrees(once, [&](unsigned timeout) { return smt::never_twice("asid.unique", keys, timeout); });
}

} // namespace

const Property kAsidUnique{
    .id = "asid.unique",
    .title = "address-space ids are unique",
    .statement = "Every partition has its own ASID, none has 0, and both of its VMCB templates carry it: a "
                 "translation cached for one can't serve another.",
    .level = Level::bytes,
    .rests_on = "the number of ASIDs the processor has, which is a fact of the board contract",
    .manual = "AMD APM volume 2 §15.16",
    .mend = kImageAltered,
    .bytes = asid_bytes,
};

} // namespace septum::verifier
