// SPDX-License-Identifier: Apache-2.0
// chan.no-exec: no code runs from a channel.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void no_exec_bytes(const Context& context, Judge& judge) {
    Pieces channels;
    for (std::size_t c = 0; c < context.model.channels.size(); ++c) {
        const PlacedChannel& placed = context.places->channels[c];
        channels.push_back({placed.base, placed.base + placed.size, c});
    }
    Pieces code;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        for (const Interval& interval : context.facts->partitions[p].reach_by_host) {
            if ((interval.access & decode::kAccessExecute) != 0) {
                code.push_back({interval.hpa, interval.hpa + interval.size, p});
            }
        }
    }
    const std::vector<Overlap> found = common(channels, code);
    for (const Overlap& overlap : found) {
        const config::Channel& channel = context.model.channels[overlap.earlier];
        const std::string& name = context.facts->partitions[overlap.later].name;
        judge.violated({.message = fmt::format("`{}` can execute from channel `{}`", name, channel.name.value),
                        .partitions = {name},
                        .key = "channel-" + channel.name.value,
                        .witness = "host-physical " + address(overlap.first),
                        .primary = channel.name.span});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("chan.no-exec", channels, united(code), timeout);
    });
}

} // namespace

const Property kChanNoExec{
    .id = "chan.no-exec",
    .title = "no code runs from a channel",
    .statement = "No partition can execute from the memory of any channel.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded; EFER.NXE, which the kernel sets",
    .manual = "AMD APM volume 2 §5.6.1, §15.25.5",
    .mend = kNotFromThisModel,
    .bytes = no_exec_bytes,
};

} // namespace septum::verifier
