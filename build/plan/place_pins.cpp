// SPDX-License-Identifier: Apache-2.0
#include "build/plan/items.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>

namespace septum::build {

using config::Diagnostic;
using config::Span;

void place_pins(std::vector<Item>& items, Holes& holes, const manifest::Range& kernel, const config::Board& board,
                std::vector<Diagnostic>& diagnostics) {
    const Holes all = free_memory(board); // before anything was taken
    std::vector<const Item*> placed;
    for (auto& item : items) {
        if (!item.pin) {
            continue;
        }
        const std::uint64_t base = item.pin->value;
        const Span span = item.pin->span;
        if (base % item.minimum != 0) {
            Diagnostic d = make_error("plan.alignment",
                                      called(item) + " is pinned at " + format_address(base) +
                                          ", expected a multiple of " + format_size(item.minimum),
                                      span, "not aligned");
            d.help = "the nearest places are " + format_address(base & ~(item.minimum - 1)) + " and " +
                     format_address(round_up(base, item.minimum)) +
                     "; or leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        if (base < layout::kKernelBase) {
            Diagnostic d = make_error("mem.kernel-private",
                                      called(item) + " is pinned at " + format_address(base) + ", below " +
                                          format_address(layout::kKernelBase),
                                      span, "needed by the firmware and GRUB");
            d.help = "leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        if (!all.contains(base, item.size)) {
            Diagnostic d = make_error("mem.within-board",
                                      called(item) + " is pinned at " + format_range(base, item.size) +
                                          ", which is not all memory of board `" + board.name.value + "`",
                                      span, "outside the board's memory");
            for (const auto& memory : board.memory) {
                d.notes.push_back("the board has memory at " + format_range(memory.base.value, memory.size.value));
            }
            d.help = "leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        bool clash = false;
        for (const Item* other : placed) {
            const std::uint64_t low = std::max(base, *other->base);
            const std::uint64_t high = std::min(base + item.size, *other->base + other->size);
            if (low < high) {
                Diagnostic d =
                    make_error("mem.disjoint",
                               called(*other) + " and " + called(item) + " both own " + format_range(low, high - low),
                               span, "overlaps by " + format_size(high - low));
                d.related.push_back(
                    {other->pin->span, called(*other) + " owns " + format_range(*other->base, other->size)});
                d.notes.push_back("witness: host-physical " + format_address(low));
                d.help = "declare a channel between them, or leave `base` out and let the planner place it";
                diagnostics.push_back(std::move(d));
                clash = true;
            }
        }
        if (clash) {
            continue;
        }
        if (!holes.take(base, item.size)) {
            Diagnostic d =
                make_error("mem.kernel-private",
                           called(item) + " is pinned at " + format_range(base, item.size) +
                               ", which overlaps the kernel at " + format_range(kernel.base.value, kernel.size),
                           span, "overlaps the kernel");
            d.help = "pin it from " + format_address(layout::kKernelLimit) +
                     " on, or leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        item.base = base;
        placed.push_back(&item);
    }
}

} // namespace septum::build
