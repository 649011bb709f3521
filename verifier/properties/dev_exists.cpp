// SPDX-License-Identifier: Apache-2.0
// dev.exists: assigned devices are on the board, and in the image.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/owner.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void exists_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    for (const config::Partition& partition : context.model.partitions) {
        for (const config::Spanned<std::string>& device : partition.devices) {
            judge.rests_on(device.span);
            const auto& pci = context.model.board.pci;
            if (std::none_of(pci.begin(), pci.end(), [&](const config::BoardPciFunction& function) {
                    return function.name.value == device.value;
                })) {
                judge.violated(
                    {.message = fmt::format("`{}` owns `{}`, which board `{}` does not have", partition.name.value,
                                            device.value, context.model.board.name.value),
                     .partitions = {partition.name.value},
                     .key = device.value,
                     .witness = "device " + ticked(device.value),
                     .primary = device.span});
            }
        }
    }
}

// The image's devices are the file's, each with its owner.
void exists_bytes(const Context& context, Judge& judge) {
    const decode::Manifest& manifest = context.facts->manifest;
    Pieces declared;
    Pieces found;
    for (const AssignedDevice& device : assigned_devices(context)) {
        declared.push_back({device.function->bdf, device.function->bdf + 1ULL, device.partition});
        const bool same = device.record != nullptr && decode::text(device.record->name) == device.function->name.value;
        if (!same) {
            judge.violated(
                {.message = fmt::format("`{}` owns `{}`, but in the image it {}", owner_name(context, device),
                                        device.function->name.value,
                                        device.record == nullptr ? "has no such device" : "has another name"),
                 .partitions = {owner_name(context, device)},
                 .key = device.function->name.value,
                 .witness = "device " + ticked(device.function->name.value),
                 .primary = device.span});
        }
    }
    for (std::uint32_t p = 0; p < context.model.partitions.size(); ++p) {
        const PartitionFacts* facts = context.places->partitions[p].facts;
        if (facts == nullptr) {
            continue;
        }
        for (const manifest::Device& device : manifest.devices_of(facts->record)) {
            if (device.bdf != manifest::kNobody) {
                found.push_back({device.bdf, device.bdf + 1ULL, p});
            }
        }
    }
    declared = sorted(std::move(declared));
    found = sorted(std::move(found));
    if (!is_disjoint(declared) || !is_disjoint(found)) {
        return; // dev.exclusive says so
    }
    const auto whose = [&](std::uint64_t partition) {
        return partition == kAbsent ? std::string("nobody")
                                    : partition_name(context.model, static_cast<std::uint32_t>(partition));
    };
    const std::vector<Difference> differ = differences(joined(found), joined(declared));
    for (const Difference& difference : differ) {
        const std::string who = requester_text(static_cast<std::uint32_t>(difference.first));
        judge.violated({.message = fmt::format("in the image {} belongs to {}, expected {}", who,
                                               whose(difference.left), whose(difference.right)),
                        .key = who,
                        .witness = "function " + who});
    }
    judge.solver_agrees(differ.empty(), [&](unsigned timeout) {
        return smt::equal_functions("dev.exists", found, declared, false, timeout);
    });
}

} // namespace

const Property kDevExists{
    .id = "dev.exists",
    .title = "assigned devices are on the board, and in the image",
    .statement = "Every device that a partition owns is a function of the board. The image gives each function to the "
                 "partition that the file names and no other function to anybody.",
    .level = Level::bytes,
    .rests_on = "the board file, whose functions the kernel looks for before launch (board.contract)",
    .manual = "PCI Local Bus 3.0 §6.2; septum/manifest/manifest.hpp: Device",
    .mend = "name a device of the board file",
    .model = exists_model,
    .bytes = exists_bytes,
};

} // namespace septum::verifier
