// SPDX-License-Identifier: Apache-2.0
#include "build/plan/limits.hpp"

#include "build/plan/items.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::build {
namespace {

using config::Diagnostic;

void check_name(const config::Spanned<std::string>& name, const char* what, std::vector<Diagnostic>& diagnostics) {
    if (name.value.size() >= manifest::kNameSize) {
        diagnostics.push_back(make_error("plan.name",
                                         std::string("the name of the ") + what + " has " +
                                             std::to_string(name.value.size()) + " bytes, expected at most " +
                                             std::to_string(manifest::kNameSize - 1),
                                         name.span, "too long"));
    }
}

} // namespace

void check_limits(const config::Model& model, std::vector<Diagnostic>& diagnostics) {
    check_name(model.name, "appliance", diagnostics);
    check_name(model.board.name, "board", diagnostics);
    for (const auto& partition : model.partitions) {
        check_name(partition.name, "partition", diagnostics);
    }
    for (const auto& channel : model.channels) {
        check_name(channel.name, "channel", diagnostics);
    }
    if (model.partitions.empty()) {
        diagnostics.push_back(make_error("plan.empty", "the appliance has no partition, expected at least one",
                                         model.name.span, "nothing to run"));
    }
    if (model.partitions.size() > manifest::kMaxPartitions) {
        diagnostics.push_back(make_error("plan.limit",
                                         "the appliance has " + std::to_string(model.partitions.size()) +
                                             " partitions, expected at most " +
                                             std::to_string(manifest::kMaxPartitions),
                                         model.partitions[manifest::kMaxPartitions].name.span, "one too many"));
    }
    if (model.channels.size() > manifest::kMaxChannels) {
        diagnostics.push_back(make_error("plan.limit",
                                         "the appliance has " + std::to_string(model.channels.size()) +
                                             " channels, expected at most " + std::to_string(manifest::kMaxChannels),
                                         model.channels[manifest::kMaxChannels].name.span, "one too many"));
    }
    for (const auto& channel : model.channels) {
        if (channel.from.value >= model.partitions.size() || channel.to.value >= model.partitions.size()) {
            diagnostics.push_back(make_error(
                "plan.channel", "channel `" + channel.name.value + "` does not join two partitions of the appliance",
                channel.name.span, ""));
        }
    }
    if (model.board.vendor.value != config::Vendor::amd) {
        diagnostics.push_back(
            make_error("plan.vendor",
                       "board `" + model.board.name.value +
                           "` has processors by Intel, expected AMD: the kernel isolates with SVM only",
                       model.board.name.span, ""));
    }
}

} // namespace septum::build
