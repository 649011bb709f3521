// SPDX-License-Identifier: Apache-2.0
// chan.doorbell: doorbells ring where declared.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/words.hpp"

#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The same for the solver: words of the records, and vectors above which the reader stands.
smt::Answer doorbell_by_solver(const Context& context, unsigned timeout) {
    const config::Model& model = context.model;
    Words words;
    Pieces vectors;
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        const manifest::Channel* record = context.places->channels[c].record;
        const std::uint32_t to = model.channels[c].to.value;
        if (record == nullptr || to >= model.partitions.size()) {
            continue;
        }
        words.is(record->doorbell, model.channels[c].doorbell ? 1 : 0);
        words.is(record->vector, context.declared.channels[c].vector);
        if (const PartitionFacts* reader = context.places->partitions[to].facts; reader == nullptr) {
            words.lacking();
        } else {
            words.is(record->reader_cpu, reader->record.first_cpu);
        }
        const std::size_t cpus = context.facts->manifest.cpus.size();
        words.between(record->reader_cpu + 1ULL, 1, cpus);
        if (record->vector != 0) {
            const std::uint64_t key = static_cast<std::uint64_t>(record->reader) << 8 | record->vector;
            vectors.push_back({key, key + 1, c});
        }
    }
    return smt::together({words.allowed("chan.doorbell: records", timeout),
                          smt::never_twice("chan.doorbell: vectors", std::move(vectors), timeout)});
}

void doorbell_bytes(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    const Facts& facts = *context.facts;
    std::map<std::pair<std::uint16_t, std::uint8_t>, std::string> vectors;
    for (std::size_t c = 0; c < model.channels.size(); ++c) {
        const config::Channel& channel = model.channels[c];
        judge.rests_on(channel.doorbell_span);
        const manifest::Channel* record = context.places->channels[c].record;
        if (record == nullptr || channel.to.value >= model.partitions.size()) {
            continue;
        }
        const std::string& name = channel.name.value;
        const std::string& reader = model.partitions[channel.to.value].name.value;
        const auto say = [&](std::string message, const char* key) {
            judge.violated({.message = std::move(message),
                            .partitions = {reader},
                            .key = fmt::format("{}:{}", key, name),
                            .witness = fmt::format("vector {:#x}", record->vector),
                            .primary = channel.doorbell_span.known() ? channel.doorbell_span : channel.name.span});
        };
        if ((record->doorbell != 0) != channel.doorbell || record->doorbell > 1) {
            say(fmt::format("channel `{}` {} a doorbell in the image", name, channel.doorbell ? "lacks" : "has"),
                "bell");
        }
        const std::uint8_t expected = context.declared.channels[c].vector;
        if (record->vector != expected) {
            say(fmt::format("the doorbell of `{}` interrupts with vector {}, expected {}", name, record->vector,
                            expected),
                "vector");
        }
        const PartitionFacts* partition = context.places->partitions[channel.to.value].facts;
        const bool first_cpu = partition != nullptr && record->reader_cpu == partition->record.first_cpu &&
                               record->reader_cpu < facts.manifest.cpus.size();
        if (!first_cpu) {
            say(fmt::format("the doorbell of `{}` rings CPU {}, which is not the first of `{}`", name,
                            record->reader_cpu, reader),
                "cpu");
        }
        if (record->vector != 0) {
            const auto [other, fresh] = vectors.emplace(std::pair{record->reader, record->vector}, name);
            if (!fresh) {
                say(fmt::format("the doorbells of `{}` and `{}` interrupt `{}` with the same vector", name,
                                other->second, reader),
                    "same");
            }
        }
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return doorbell_by_solver(context, timeout); });
}

} // namespace

const Property kChanDoorbell{
    .id = "chan.doorbell",
    .title = "doorbells ring where declared",
    .statement =
        "A channel has a doorbell in the image exactly when it is declared; it interrupts its reader's first CPU, "
        "with a vector of its own, or not at all for a reader that polls.",
    .level = Level::bytes,
    .rests_on = "the kernel's handler, which rings by these records; it is tested, not proved",
    .manual = "septum/manifest/manifest.hpp: Channel",
    .mend = kNotFromThisModel,
    .bytes = doorbell_bytes,
};

} // namespace septum::verifier
