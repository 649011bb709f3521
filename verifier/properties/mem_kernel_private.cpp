// SPDX-License-Identifier: Apache-2.0
// mem.kernel-private: no partition reaches the kernel.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/kernel_ranges.hpp"
#include "verifier/properties/shared/pinned.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void kernel_private_model(const Context& context, Judge& judge) {
    const config::Board& board = context.model.board;
    struct Own {
        std::uint64_t base;
        std::uint64_t size;
        const char* name;
        config::Span span;
    };
    const Own own[] = {
        {layout::kKernelBase, layout::kKernelLimit - layout::kKernelBase, "the kernel", {}},
        {board.trampoline.value, kPageSize, "the page in which processors wake up", board.trampoline.span},
    };
    for_each_pinned(context.model, [&](const config::Spanned<std::uint64_t>& base, std::uint64_t size,
                                       const std::string& name, bool is_partition) {
        judge.rests_on(base.span);
        for (const Own& range_of_kernel : own) {
            const std::uint64_t first = std::max(base.value, range_of_kernel.base);
            const std::uint64_t end = std::min(base.value + size, range_of_kernel.base + range_of_kernel.size);
            if (first >= end) {
                continue;
            }
            Said said = pin_text(name, is_partition, base.span);
            said.message = fmt::format("`{}` owns {}, where {} lies", name, range(first, end), range_of_kernel.name);
            said.witness = "host-physical " + address(first);
            said.label = "overlaps by " + bytes_text(end - first);
            if (range_of_kernel.span.known()) {
                said.related.push_back({range_of_kernel.span, range_of_kernel.name});
            }
            judge.violated(std::move(said));
        }
    });
}

void kernel_private_bytes(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    const std::vector<OwnRange> own = kernel_ranges(facts);
    Pieces kernel;
    for (std::size_t i = 0; i < own.size(); ++i) {
        if (!own[i].tables && !own[i].log) { // mem.tables-private and mem.exact speak of those
            kernel.push_back({own[i].base, own[i].base + own[i].size, i});
        }
    }
    Pieces reach;
    for (std::size_t p = 0; p < facts.partitions.size(); ++p) {
        for (const Interval& interval : facts.partitions[p].reach_by_host) {
            reach.push_back({interval.hpa, interval.hpa + interval.size, p});
        }
    }
    const std::vector<Overlap> found = common(kernel, reach);
    for (const Overlap& overlap : found) {
        const std::string& name = facts.partitions[overlap.later].name;
        Said said;
        said.message = fmt::format("in the image `{}` reaches {}, which is {}", name, range(overlap.first, overlap.end),
                                   own[overlap.earlier].name);
        said.partitions.push_back(name);
        said.key = own[overlap.earlier].name;
        said.witness = "host-physical " + address(overlap.first);
        judge.violated(std::move(said));
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("mem.kernel-private", kernel, united(reach), timeout);
    });
}

} // namespace

const Property kMemKernelPrivate{
    .id = "mem.kernel-private",
    .title = "no partition reaches the kernel",
    .statement = "No partition reaches a byte of the kernel's image, its workspace, the manifest, the pristine "
                 "payload copies, the page in which processors wake up, the IOMMU's registers or the local APIC's "
                 "page. On the model alone: nothing is pinned over the kernel or that page.",
    .level = Level::bytes,
    .rests_on = "the nested page tables in the image, as decoded; the kernel's place as the manifest gives it",
    .manual = "AMD APM volume 2 §15.25",
    .mend = "choose a base from 4 MiB on, or leave `base` out and let the planner place it",
    .model = kernel_private_model,
    .bytes = kernel_private_bytes,
};

} // namespace septum::verifier
