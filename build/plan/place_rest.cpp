// SPDX-License-Identifier: Apache-2.0
#include "build/plan/items.hpp"

#include <algorithm>

namespace septum::build {
namespace {

using config::Diagnostic;
using config::Span;

void report_no_room(const std::string& who, std::uint64_t size, std::uint64_t alignment, Span span,
                    const std::vector<Item>& items, const manifest::Range& kernel, const Holes& holes,
                    const config::Board& board, std::vector<Diagnostic>& diagnostics) {
    const auto largest = holes.largest();
    Diagnostic d =
        make_error("plan.no-room",
                   who + " needs " + format_size(size) + " in one piece, but the largest free hole of board `" +
                       board.name.value + "` is " +
                       (largest.size == 0 ? std::string("empty")
                                          : format_size(largest.size) + " at " + format_address(largest.base)),
                   span, "does not fit");
    if (alignment > kPageSize) {
        d.notes.push_back("it has to start on a multiple of " + format_size(alignment));
    }
    std::uint64_t board_total = 0;
    for (const auto& memory : board.memory) {
        board_total += memory.size.value;
    }
    d.notes.push_back("the board has " + format_size(board_total) + " in all, " + format_about(holes.total()) +
                      " of it still free");
    std::string where = "where the memory goes: the kernel " + format_size(kernel.size);
    std::vector<const Item*> largest_first;
    for (const auto& item : items) {
        if (item.base) {
            largest_first.push_back(&item);
        }
    }
    std::sort(largest_first.begin(), largest_first.end(),
              [](const Item* a, const Item* b) { return a->size != b->size ? a->size > b->size : a->name < b->name; });
    constexpr std::size_t kShown = 8;
    for (std::size_t i = 0; i < std::min(kShown, largest_first.size()); ++i) {
        where += ", " + called(*largest_first[i]) + " " + format_size(largest_first[i]->size);
    }
    if (largest_first.size() > kShown) {
        where += ", and " + std::to_string(largest_first.size() - kShown) + " more";
    }
    d.notes.push_back(std::move(where));
    d.help = "give a partition less memory, or choose a board with more";
    diagnostics.push_back(std::move(d));
}

} // namespace

void place_rest(std::vector<Item>& items, Holes& holes, const manifest::Range& kernel, const config::Board& board,
                std::vector<Diagnostic>& diagnostics) {
    std::vector<Item*> order;
    for (auto& item : items) {
        if (!item.pin) {
            order.push_back(&item);
        }
    }
    std::sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
        if (a->alignment != b->alignment) {
            return a->alignment > b->alignment;
        }
        if (a->size != b->size) {
            return a->size > b->size;
        }
        return a->kind != b->kind ? a->kind < b->kind : a->name < b->name;
    });
    for (Item* item : order) {
        if (item->kind == Item::Kind::crash_record) {
            continue;
        }
        item->base = holes.take_first(item->size, item->alignment);
        if (!item->base && item->minimum < item->alignment) {
            item->base = holes.take_first(item->size, item->minimum);
        }
        if (!item->base) {
            const bool own = item->kind != Item::Kind::ram && item->kind != Item::Kind::channel;
            const std::string who = own ? "the kernel's " + item->name : called(*item);
            report_no_room(who, item->size, item->minimum, item->size_span, items, kernel, holes, board, diagnostics);
        }
    }
    // As high as it goes below 4 GiB: a boot loader puts its modules low, and would write over what the last run has
    // left.
    for (Item* item : order) {
        if (item->kind == Item::Kind::crash_record) {
            item->base = holes.take_last(item->size, 4 * kGiB);
            if (!item->base) {
                item->base = holes.take_first(item->size, item->alignment);
            }
            if (!item->base) {
                report_no_room("the kernel's crash record", item->size, item->minimum, item->size_span, items, kernel,
                               holes, board, diagnostics);
            }
        }
    }
}

} // namespace septum::build
