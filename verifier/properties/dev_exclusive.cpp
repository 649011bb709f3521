// SPDX-License-Identifier: Apache-2.0
// dev.exclusive: each device has one owner.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void exclusive_model(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    std::map<std::string, std::pair<std::string, config::Span>> owners;
    for (const config::Partition& partition : context.model.partitions) {
        for (const config::Spanned<std::string>& device : partition.devices) {
            judge.rests_on(device.span);
            const auto [first, fresh] = owners.emplace(device.value, std::pair{partition.name.value, device.span});
            if (!fresh) {
                judge.violated({.message = fmt::format("`{}` and `{}` both own device `{}`", partition.name.value,
                                                       first->second.first, device.value),
                                .partitions = {partition.name.value, first->second.first},
                                .key = device.value,
                                .witness = "device " + ticked(device.value),
                                .primary = device.span,
                                .related = {{first->second.second, fmt::format("`{}` owns it", first->second.first)}}});
            }
        }
    }
}

void exclusive_bytes(const Context& context, Judge& judge) {
    const decode::Manifest& manifest = context.facts->manifest;
    Pieces pieces;
    for (std::size_t i = 0; i < manifest.devices.size(); ++i) {
        if (manifest.devices[i].bdf != manifest::kNobody) {
            pieces.push_back({manifest.devices[i].bdf, manifest.devices[i].bdf + 1ULL, i});
        }
    }
    const std::vector<Overlap> found = overlaps(pieces);
    for (const Overlap& overlap : found) {
        const std::string who = requester_text(static_cast<std::uint32_t>(overlap.first));
        judge.violated({.message = fmt::format("in the image {} is given away twice, as `{}` and as `{}`", who,
                                               decode::text(manifest.devices[overlap.earlier].name),
                                               decode::text(manifest.devices[overlap.later].name)),
                        .key = who,
                        .witness = "function " + who});
    }
    judge.solver_agrees(found.empty(),
                        [&](unsigned timeout) { return smt::never_twice("dev.exclusive", pieces, timeout); });
}

constexpr const char* kGiveBack = "let one partition own the device and others ask it by a channel";

} // namespace

const Property kDevExclusive{
    .id = "dev.exclusive",
    .title = "each device has one owner",
    .statement = "No device is owned by two partitions, in the file or in the image.",
    .level = Level::bytes,
    .rests_on = "the model and the manifest",
    .manual = "PCI Local Bus 3.0 §6.2",
    .mend = kGiveBack,
    .model = exclusive_model,
    .bytes = exclusive_bytes,
};

} // namespace septum::verifier
