// SPDX-License-Identifier: Apache-2.0
// How the verifier grows: models of up to 1,000 partitions, far beyond what the language lets anybody write, made in
// memory.
#include "config/model.hpp"
#include "verifier/flow.hpp"
#include "verifier/verifier.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace septum;

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr unsigned kChannelsEach = 5;

config::Span line(std::uint32_t number) {
    return {0, number + 1, 1, number + 1, 2};
}

// Partitions in a row; each sends to its next five neighbours, and is sent to by five: with its RAM, eleven regions
// each. Every partition and channel is pinned, so that there are six pieces of memory for each to be kept apart.
config::Model model_of(unsigned partitions) {
    config::Model model;
    model.name.value = "scale";
    model.board.name.value = "none";
    model.board.physical_address_bits = 48;
    config::BoardMemory memory;
    memory.base.value = 16 * kMiB;
    memory.size.value = (1ULL << 44) - 16 * kMiB;
    model.board.memory.push_back(memory);
    std::uint64_t at = 16 * kMiB;
    for (std::uint32_t p = 0; p < partitions; ++p) {
        model.board.cpus.push_back({{p, line(p)}, p});
        config::Partition partition;
        partition.name = {"p" + std::to_string(p), line(p)};
        partition.memory = {4 * kMiB, line(p)};
        partition.base = config::Spanned<std::uint64_t>{at, line(p)};
        at += 4 * kMiB;
        model.partitions.push_back(partition);
    }
    for (std::uint32_t p = 0; p < partitions; ++p) {
        for (std::uint32_t n = 1; n <= kChannelsEach; ++n) {
            config::Channel channel;
            channel.name = {"c" + std::to_string(p) + "-" + std::to_string(n), line(p)};
            channel.from.value = p;
            channel.to.value = (p + n) % partitions;
            channel.size.value = 4096;
            channel.base = config::Spanned<std::uint64_t>{at, line(p)};
            at += 4096;
            model.channels.push_back(channel);
        }
    }
    // Nobody in the first half of the row may reach its end past the middle.
    config::FlowRule rule;
    rule.only = true;
    rule.from.index = 0;
    rule.to.index = partitions - 1;
    for (std::uint32_t n = 0; n < kChannelsEach; ++n) {
        config::FlowEnd via;
        via.index = partitions / 2 + n;
        rule.via.push_back(via);
    }
    model.policy.push_back(rule);
    return model;
}

// All pairs: who reaches whom, over any number of flows.
void flow(benchmark::State& state) {
    const config::Model model = model_of(static_cast<unsigned>(state.range(0)));
    std::size_t pairs = 0;
    for (auto _ : state) {
        const verifier::FlowView view = verifier::declared_flow(model);
        pairs = 0;
        for (const auto& reached : view.all_reachable()) {
            pairs += reached.size();
        }
    }
    if (pairs != model.partitions.size() * (model.partitions.size() - 1)) {
        state.SkipWithError("not every pair was found");
    }
}
BENCHMARK(flow)->Name("all-pairs flow")->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond)->MinTime(0.5);

// Every property of the model, as `septum verify --model-only` asks them, by enumeration.
void properties(benchmark::State& state) {
    const config::Model model = model_of(static_cast<unsigned>(state.range(0)));
    for (auto _ : state) {
        const verifier::Report report = verifier::verify_model(model, {.solver = false});
        // The limits of the language are passed on purpose; what grows is judged.
        for (const auto& result : report.results) {
            if ((result.id == "mem.disjoint" || result.id == "mem.within-board") &&
                result.verdict != verifier::Verdict::proved) {
                state.SkipWithError((result.id + " is not proved").c_str());
                return;
            }
        }
    }
}
BENCHMARK(properties)->Name("model properties")->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond)->MinTime(0.5);

} // namespace

BENCHMARK_MAIN();
