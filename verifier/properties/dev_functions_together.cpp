// SPDX-License-Identifier: Apache-2.0
// dev.functions-together: functions that can't be told apart stay together.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/owner.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void together(const Context& context, Judge& judge) {
    if (!any_device(context.model)) {
        judge.not_applicable(kNoDevice);
        return;
    }
    const config::Board& board = context.model.board;
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    for (std::size_t i = 0; i < devices.size(); ++i) {
        judge.rests_on(devices[i].span);
        for (std::size_t k = 0; k < i; ++k) {
            const AssignedDevice& a = devices[i];
            const AssignedDevice& b = devices[k];
            if (a.partition == b.partition || a.function == b.function) {
                continue;
            }
            const unsigned bus = a.function->bdf >> 8;
            const bool one_device = a.function->bdf >> 3 == b.function->bdf >> 3;
            const bool one_group = a.function->group.value == b.function->group.value;
            // Several devices on one bus below a bridge are conventional PCI: they share the bridge's requester id.
            const bool one_bus = bus != 0 && bus == static_cast<unsigned>(b.function->bdf >> 8);
            if (!one_device && !one_group && !one_bus) {
                continue;
            }
            const config::BoardPciFunction* bridge = bridge_above(board, *a.function);
            const std::string why = one_device ? "are functions of one device"
                                    : one_group
                                        ? fmt::format("are in group {}", a.function->group.value)
                                        : fmt::format("lie behind one bridge{}",
                                                      bridge == nullptr ? "" : ", " + ticked(bridge->name.value));
            judge.violated(
                {.message =
                     fmt::format("`{}` of `{}` and `{}` of `{}` {}, and can't be kept apart", a.function->name.value,
                                 owner_name(context, a), b.function->name.value, owner_name(context, b), why),
                 .partitions = {owner_name(context, a), owner_name(context, b)},
                 .key = a.function->name.value + "+" + b.function->name.value,
                 .witness = fmt::format("requesters {} and {}", requester_text(b.function->bdf),
                                        requester_text(a.function->bdf)),
                 .primary = a.span,
                 .related = {{b.span, fmt::format("`{}` owns `{}`", owner_name(context, b), b.function->name.value)}}});
        }
    }
}

} // namespace

const Property kDevFunctionsTogether{
    .id = "dev.functions-together",
    .title = "functions that can't be told apart stay together",
    .statement =
        "Assigned functions of one device, of one group of the board file, or on one bus below a bridge have one "
        "owner. That the image gives them to it is dev.exists.",
    .level = Level::model,
    .rests_on = "the board file's groups",
    .manual = "PCI Express Base 5.0 §6.12; PCI Express to PCI bridge 1.0 §2.3",
    .mend = "give all of them to one partition",
    .model = together,
};

} // namespace septum::verifier
