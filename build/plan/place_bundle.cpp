// SPDX-License-Identifier: Apache-2.0
#include "build/plan/items.hpp"

namespace septum::build {

using config::Diagnostic;

bool place_bundle(Plan& plan, const config::Model& model, const std::function<std::uint64_t(const Plan&)>& size_of,
                  std::vector<Diagnostic>& diagnostics) {
    plan.bundle = {};
    Holes free = free_memory(model.board);
    for (const auto& each : planned_ranges(plan)) {
        if (!free.take(each.range.base.value, each.range.size)) {
            return false; // place() never gives such a plan
        }
    }
    std::uint64_t size = round_up(size_of(plan), kPageSize);
    for (;;) {
        Holes holes = free;
        const auto base = holes.take_first(size, kPageSize);
        if (!base) {
            const auto largest = free.largest();
            Diagnostic d = make_error("plan.no-room",
                                      "the bundle of tables and payloads needs " + format_size(size) +
                                          " in one piece, but the largest hole left on board `" + plan.board + "` is " +
                                          format_size(largest.size) + " at " + format_address(largest.base),
                                      model.name.span, "does not fit");
            for (const auto& each : planned_ranges(plan)) {
                d.notes.push_back(format_range(each.range.base.value, each.range.size) + " " + each.what + ", " +
                                  format_size(each.range.size));
            }
            d.help = "give a partition less memory, or choose a board with more";
            diagnostics.push_back(std::move(d));
            plan.bundle = {};
            return false;
        }
        plan.bundle = {Hpa{*base}, size};
        const std::uint64_t needed = round_up(size_of(plan), kPageSize);
        if (needed <= size) {
            return true;
        }
        size = needed; // grows, and by no more than a few page tables: ends
    }
}

} // namespace septum::build
