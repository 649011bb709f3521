// SPDX-License-Identifier: Apache-2.0
// mem.within-board: everything planned is memory of the board.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/kernel_ranges.hpp"
#include "verifier/properties/shared/pinned.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// A sum of many sizes, as a person compares it: in whole units where it is some, else to a tenth of the largest.
std::string about(std::uint64_t size) {
    const std::uint64_t unit = size < kMiB ? kKiB : size < kGiB ? kMiB : kGiB;
    if (size % unit == 0 || (size % kMiB == 0 && size < 10 * kGiB)) {
        return bytes_text(size);
    }
    return fmt::format("{:.1f} {}", static_cast<double>(size) / static_cast<double>(unit),
                       unit == kKiB   ? "KiB"
                       : unit == kMiB ? "MiB"
                                      : "GiB");
}

Pieces board_memory(const config::Board& board) {
    Pieces out;
    for (const config::BoardMemory& memory : board.memory) {
        out.push_back({memory.base.value, memory.base.value + memory.size.value, 0});
    }
    return united(std::move(out));
}

void pinned_within_board(const Context& context, Judge& judge) {
    const config::Board& board = context.model.board;
    const Pieces memory = board_memory(board);
    for_each_pinned(context.model, [&](const config::Spanned<std::uint64_t>& base, std::uint64_t size,
                                       const std::string& name, bool is_partition) {
        judge.rests_on(base.span);
        const std::uint64_t end = base.value + size;
        Said said = pin_text(name, is_partition, base.span);
        if (end < base.value) {
            said.message =
                fmt::format("`{}` is pinned at {} and would end past the last address", name, address(base.value));
            said.witness = "host-physical " + address(base.value);
            judge.violated(std::move(said));
            return;
        }
        const Pieces outside = without({{base.value, end, 0}}, memory);
        if (outside.empty()) {
            return;
        }
        said.message = fmt::format("`{}` owns {}, which is not memory of board `{}`", name,
                                   range(outside.front().first, outside.front().end), board.name.value);
        said.witness = "host-physical " + address(outside.front().first);
        said.label = fmt::format("{} of {} lie outside the board's memory",
                                 bytes_text(outside.front().end - outside.front().first), bytes_text(size));
        for (const config::BoardMemory& part : board.memory) {
            said.related.push_back(
                {part.base.span,
                 fmt::format("the board has {}", range(part.base.value, part.base.value + part.size.value))});
        }
        judge.violated(std::move(said));
    });
}

void total_fits(const Context& context, Judge& judge) {
    const config::Model& model = context.model;
    std::uint64_t have = 0;
    for (const Piece& piece : board_memory(model.board)) {
        have += piece.end - piece.first;
    }
    std::uint64_t need = 0;
    const config::Partition* largest = nullptr;
    for (const config::Partition& partition : model.partitions) {
        judge.rests_on(partition.memory.span);
        need += std::min<std::uint64_t>(partition.memory.value, ~0ULL - need);
        if (largest == nullptr || partition.memory.value > largest->memory.value) {
            largest = &partition;
        }
    }
    for (const config::Channel& channel : model.channels) {
        need += std::min<std::uint64_t>(channel.size.value, ~0ULL - need);
    }
    for (const config::BoardMemory& memory : model.board.memory) {
        judge.rests_on(memory.size.span);
    }
    if (need <= have || largest == nullptr) {
        return;
    }
    Said said;
    said.message = fmt::format("the partitions and channels need {}, but board `{}` has {}", about(need),
                               model.board.name.value, about(have));
    said.partitions.push_back(largest->name.value);
    said.key = "total";
    said.witness = fmt::format("{} too much", about(need - have));
    said.primary = largest->memory.span;
    said.label = fmt::format("`{}` takes the most: {}", largest->name.value, bytes_text(largest->memory.value));
    said.help = "give the partitions less memory, or use a board with more";
    judge.violated(std::move(said));
}

// Registers are not memory, and those behind bridges lie in every window on the way.
void bars_apart(const Context& context, Judge& judge) {
    const config::Board& board = context.model.board;
    const Pieces memory = board_memory(board);
    for (const BoardBarPlace& place : board_bars(context.model)) {
        const config::BoardBar& bar = *place.bar;
        const Pieces bytes{{bar.base.value, bar.base.value + bar.size.value, 0}};
        const std::string who = fmt::format("BAR {} of `{}`", bar.number, place.function->name.value);
        const auto say = [&](std::string message, const char* key, std::uint64_t at, const config::Span& other,
                             const char* label) {
            Said said;
            said.message = std::move(message);
            said.key = fmt::format("{}:{}:{}", place.function->name.value, bar.number, key);
            said.witness = "host-physical " + address(at);
            said.primary = bar.base.span;
            said.related.push_back({other, label});
            said.help = "mend the addresses in the board file";
            judge.violated(std::move(said));
        };
        for (const Overlap& overlap : common(memory, bytes)) {
            say(fmt::format("{} lies at {}, which the board lists as memory", who, range(overlap.first, overlap.end)),
                "memory", overlap.first, board.name.span, "this board");
        }
        for (const config::BoardPciFunction* bridge : bridges_above(board, *place.function)) {
            const config::BoardBridge& b = bridge->bridge;
            // Prefetchable windows may carry 64-bit addresses; a plain BAR needs the plain window.
            Pieces windows{{b.window_base, b.window_base + b.window_size, 0}};
            if (bar.prefetchable) {
                windows.push_back({b.prefetchable_base, b.prefetchable_base + b.prefetchable_size, 0});
            }
            for (const Piece& outside : without(bytes, sorted(windows))) {
                say(fmt::format("{} lies at {}, outside the windows of `{}`", who, range(outside.first, outside.end),
                                bridge->name.value),
                    "window", outside.first, bridge->name.span, "the bridge above it");
            }
        }
    }
}

void within_board_model(const Context& context, Judge& judge) {
    pinned_within_board(context, judge);
    total_fits(context, judge);
    bars_apart(context, judge);
}

struct Named {
    std::string text;
    std::string partition; // empty for the kernel and channels
};

// Every piece of `inner` is inside `outer`; its value is an index into `names`.
void inside(const Context& context, Judge& judge, const char* query, const Pieces& inner, const Pieces& outer,
            const std::vector<Named>& names) {
    const Pieces outside = without(inner, outer);
    for (const Piece& piece : outside) {
        const Named& name = names[piece.value];
        Said said;
        constexpr std::uint64_t kHostMask = (1ULL << 52) - 1;
        const std::uint64_t first = piece.first & kHostMask;
        said.message = fmt::format("in the image {} covers {}, which is not memory of board `{}`{}", name.text,
                                   range(first, first + (piece.end - piece.first)), context.model.board.name.value,
                                   name.partition.empty() ? "" : " nor a device of its own");
        if (!name.partition.empty()) {
            said.partitions.push_back(name.partition);
        } else {
            said.key = name.text;
        }
        said.witness = "host-physical " + address(first);
        said.primary = context.model.board.name.span;
        judge.violated(std::move(said));
    }
    judge.solver_agrees(outside.empty(),
                        [&](unsigned timeout) { return smt::within(query, united(inner), outer, timeout); });
}

void within_board_bytes(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    const Pieces memory = board_memory(context.model.board);
    std::vector<Named> names;
    Pieces reach;
    // What a partition reaches is memory, or a BAR of its own; the number of the partition stands above the address.
    constexpr unsigned kHostBits = 52;
    Pieces outer_of_each;
    const std::vector<BoardBarPlace> bars = board_bars(context.model);
    for (const PartitionFacts& partition : facts.partitions) {
        const std::uint64_t base = static_cast<std::uint64_t>(names.size()) << kHostBits;
        for (const Interval& interval : partition.reach_by_host) {
            reach.push_back({base + interval.hpa, base + interval.hpa + interval.size, names.size()});
        }
        for (const Piece& piece : memory) {
            outer_of_each.push_back({base + piece.first, base + piece.end, 0});
        }
        for (const BoardBarPlace& place : bars) {
            if (place.owner < context.model.partitions.size() &&
                context.places->partitions[place.owner].facts == &partition) {
                const std::uint64_t first = base + place.bar->base.value;
                outer_of_each.push_back({first, first + place.bar->size.value, 0});
            }
        }
        names.push_back({ticked(partition.name), partition.name});
    }
    inside(context, judge, "mem.within-board: partitions", reach, united(std::move(outer_of_each)), names);

    Pieces planned;
    const auto plan = [&](std::uint64_t base, std::uint64_t size, const std::string& name) {
        planned.push_back({base, base + size, names.size()});
        names.push_back({name, ""});
    };
    for (const manifest::Channel& channel : facts.manifest.channels) {
        plan(channel.memory.base.value, channel.memory.size, "channel " + ticked(decode::text(channel.name)));
    }
    for (const OwnRange& own : kernel_ranges(facts)) {
        if (!own.device && !own.low) {
            plan(own.base, own.size, own.name);
        }
    }
    for (const manifest::Range& ram : facts.manifest.ram) {
        plan(ram.base.value, ram.size, "the list of planned memory");
    }
    // The page below 1 MiB in which processors wake up is the firmware's to give; board.contract compares its place.
    Pieces outer = memory;
    outer.push_back({facts.manifest.header.trampoline.value, facts.manifest.header.trampoline.value + kPageSize, 0});
    inside(context, judge, "mem.within-board: channels and kernel", planned, outer, names);
}

} // namespace

const Property kMemWithinBoard{
    .id = "mem.within-board",
    .title = "everything planned is memory of the board",
    .statement =
        "Every byte that a partition reaches, registers of its own devices apart, every channel, the kernel, its "
        "workspace and the bundle lie inside the RAM that the board file declares, and so does every range that the "
        "kernel is told to look for in the firmware's map. On the model alone: pinned ranges do, and the sum of all "
        "sizes fits; registers of devices are not RAM and lie in the windows of the bridges above them.",
    .level = Level::bytes,
    .rests_on = "the board file; the kernel compares it with the firmware's memory map before launch",
    .manual = "AMD APM volume 2 §15.25; Multiboot2 §3.6.8",
    .mend = "choose a base inside the board's memory, or leave `base` out and let the planner place it",
    .model = within_board_model,
    .bytes = within_board_bytes,
};

} // namespace septum::verifier
