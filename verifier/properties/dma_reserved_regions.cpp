// SPDX-License-Identifier: Apache-2.0
// dma.reserved-regions: reserved regions hide nothing.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void reserved_regions(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    for (const config::BoardReserved& reserved : context.model.board.iommu.reserved) {
        judge.rests_on(reserved.base.span);
        for (const AssignedDevice& device : assigned_devices(context)) {
            for (const config::Spanned<std::string>& name : reserved.devices) {
                if (name.value != device.function->name.value || reserved.declared) {
                    continue;
                }
                const std::string& owner = context.model.partitions[device.partition].name.value;
                judge.violated({.message = fmt::format("`{}` owns `{}`, for which the firmware reserves memory {}",
                                                       owner, name.value,
                                                       range(reserved.base.value, reserved.base.value + reserved.size)),
                                .partitions = {owner},
                                .key = name.value,
                                .witness = "host-physical " + address(reserved.base.value),
                                .primary = device.span,
                                .related = {{reserved.base.span, "reserved here"}}});
            }
        }
    }
    Pieces regions;
    for (std::size_t i = 0; i < context.model.board.iommu.reserved.size(); ++i) {
        const config::BoardReserved& reserved = context.model.board.iommu.reserved[i];
        regions.push_back({reserved.base.value, reserved.base.value + reserved.size, i});
    }
    Pieces memory;
    for (const config::BoardMemory& part : context.model.board.memory) {
        memory.push_back({part.base.value, part.base.value + part.size.value, 0});
    }
    const std::vector<Overlap> found = common(regions, memory);
    for (const Overlap& overlap : found) {
        judge.violated({.message = fmt::format("the board lists {} as memory to use, and as reserved for devices",
                                               range(overlap.first, overlap.end)),
                        .key = "memory",
                        .witness = "host-physical " + address(overlap.first),
                        .primary = context.model.board.iommu.reserved[overlap.earlier].base.span,
                        .help = "take it out of the board's `memory`"});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_both("dma.reserved-regions: memory", regions, memory, timeout);
    });
}

} // namespace

const Property kDmaReservedRegions{
    .id = "dma.reserved-regions",
    .title = "reserved regions hide nothing",
    .statement = "No assigned device has memory that firmware wants mapped for it (RMRR, IVMD), unless the board file "
                 "accepts that it goes without; no such memory is the board's to use.",
    .level = Level::model,
    .rests_on = "the board file",
    .manual = "VT-d specification §8.4; AMD IOMMU specification §5.2.2",
    .mend = "take the device away from the partition, or write `accept: true` where it can do without",
    .model = reserved_regions,
};

} // namespace septum::verifier
