// SPDX-License-Identifier: Apache-2.0
#include "config/read_flows.hpp"

#include "config/fields.hpp"
#include "config/names.hpp"
#include "config/scalars.hpp"
#include "config/show.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace septum::config {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kMostChannels = 255; // a doorbell names its channel in one byte; 0xFF means none
constexpr std::size_t kMostExternals = 64;
constexpr std::size_t kMostRules = 1024;

std::vector<std::string_view> partition_names(const Model& model) {
    std::vector<std::string_view> names;
    for (const Partition& partition : model.partitions)
        names.push_back(partition.name.value);
    return names;
}

// Position of the name that `node` holds among `names`, or a message.
std::optional<std::uint32_t> read_reference(const Node& node, std::string_view key, std::string_view what,
                                            const std::vector<std::string_view>& names, Diagnostics& diagnostics) {
    if (node.kind != Node::Kind::scalar) {
        wrong_type(node, key, fmt::format("the name of {}", what), diagnostics);
        return std::nullopt;
    }
    const auto found = std::find(names.begin(), names.end(), node.text);
    if (found != names.end())
        return static_cast<std::uint32_t>(found - names.begin());
    // What was meant may have a name that is not allowed: that was said, and is the one thing to mend.
    if (const std::string_view near = nearest(node.text, names); !near.empty() && !is_name(near))
        return std::nullopt;
    const std::string otherwise =
        names.size() <= 12 && !names.empty() ? "declared are " + tick_list(names) : "declare it first";
    diagnostics
        .error("config.unknown-name",
               fmt::format("{} names no {}: {}", tick(key), what.substr(what.find(' ') + 1), describe(node)), node.span,
               "not declared")
        .help = did_you_mean(node.text, names, otherwise);
    return std::nullopt;
}

void read_channel_size(const Node& node, Channel& channel, Diagnostics& diagnostics) {
    const auto size = read_size(node, "size", diagnostics);
    if (!size)
        return;
    channel.size = {*size, node.span};
    if (*size == 0)
        diagnostics.error("config.out-of-range", "a channel must be at least 4 KiB large", node.span, "nothing");
    else if (*size % kPage != 0)
        diagnostics.error("config.alignment",
                          fmt::format("`size` must be a multiple of 4 KiB, found {}", describe(node)), node.span,
                          "not whole pages");
}

void check_channel_ends(const Channel& channel, const Model& model, Diagnostics& diagnostics) {
    const Partition& reader = model.partitions[channel.to.value];
    if (channel.from.value == channel.to.value) {
        Diagnostic& loop = diagnostics.error(
            "config.channel-to-itself",
            fmt::format("channel {} leads from {} to itself", tick(channel.name.value), tick(reader.name.value)),
            channel.to.span, "the same partition");
        loop.related.push_back({channel.from.span, "from here"});
        loop.help = "a partition needs no channel to reach its own memory";
    } else if (channel.doorbell && reader.boot.kind != BootKind::elf64) {
        const bool is_linux = reader.boot.kind == BootKind::linux;
        Diagnostic& polled = diagnostics.note(
            "config.doorbell-polled",
            fmt::format("the doorbell of {} does not interrupt {}", tick(channel.name.value), tick(reader.name.value)),
            channel.doorbell_span,
            is_linux ? "rings into a Linux partition" : "rings into a guest without our runtime");
        polled.related.push_back({reader.boot.span, is_linux ? "boots Linux" : "boots another kernel"});
        polled.notes.push_back((is_linux ? "Linux has" : "it has") +
                               std::string(" no driver for it: the guest polls the doorbell port 0x5e04"));
    }
}

Channel read_channel(const NamedEntry& entry, const Model& model, Diagnostics& diagnostics) {
    const std::vector<std::string_view> names = partition_names(model);
    Channel channel;
    channel.name = {entry.name->text, entry.name->span};
    channel.span = entry_span(entry);
    if (entry.value == nullptr)
        return channel;
    const Fields fields(*entry.value, "channel " + tick(entry.name->text), entry.name->span,
                        {{"from", true}, {"to", true}, {"size", true}, {"doorbell"}, {"base"}}, diagnostics);
    if (const Node* size = fields.find("size"))
        read_channel_size(*size, channel, diagnostics);
    if (const Node* doorbell = fields.find("doorbell")) {
        channel.doorbell = read_bool(*doorbell, "doorbell", diagnostics).value_or(false);
        channel.doorbell_span = doorbell->span;
    }
    if (const Node* base = fields.find("base"))
        if (const auto address = read_page_address(*base, "base", diagnostics)) {
            channel.base = {*address, base->span};
            if (*address + channel.size.value > kAddressLimit)
                diagnostics.error("config.out-of-range",
                                  fmt::format("{} from 0x{:x} on goes beyond 52 address bits",
                                              show_size(channel.size.value), *address),
                                  base->span, "too high");
        }
    const Node* from = fields.find("from");
    const Node* to = fields.find("to");
    const auto writer =
        from != nullptr ? read_reference(*from, "from", "a partition", names, diagnostics) : std::nullopt;
    const auto reader = to != nullptr ? read_reference(*to, "to", "a partition", names, diagnostics) : std::nullopt;
    if (writer && reader) {
        channel.from = {*writer, from->span};
        channel.to = {*reader, to->span};
        check_channel_ends(channel, model, diagnostics);
    }
    return channel;
}

// Partitions first, then externals: a position beyond the partitions is an external's.
class Ends {
public:
    explicit Ends(const Model& model) : names_(partition_names(model)), partitions_(names_.size()) {
        for (const External& external : model.externals)
            names_.push_back(external.name.value);
    }

    std::optional<FlowEnd> read(const Node& node, std::string_view key, Diagnostics& diagnostics) const {
        const auto index = read_reference(node, key, "a partition or external", names_, diagnostics);
        if (!index)
            return std::nullopt;
        const bool external = *index >= partitions_;
        return FlowEnd{external, external ? *index - static_cast<std::uint32_t>(partitions_) : *index, node.span};
    }

private:
    std::vector<std::string_view> names_;
    std::size_t partitions_;
};

bool same(const FlowEnd& a, const FlowEnd& b) {
    return a.external == b.external && a.index == b.index;
}

void read_via(const Node& node, const Ends& ends, FlowRule& rule, Diagnostics& diagnostics) {
    if (!expect_list(node, "via", "a list of names such as `[gateway]`", diagnostics))
        return;
    if (node.items.empty()) {
        diagnostics.error("config.empty-list", "`via` names nobody", node.span, "an empty list").help =
            "to forbid every path, write `never: {from: …, to: …}`";
        return;
    }
    for (const Node& item : node.items) {
        const auto end = ends.read(item, "via", diagnostics);
        if (!end)
            continue;
        if (same(*end, rule.from) || same(*end, rule.to))
            diagnostics
                .error("config.via-an-end",
                       fmt::format("{} is an end of this rule, so every path passes it", tick(item.text)), item.span,
                       "always true")
                .help = "name who stands between the two ends";
        rule.via.push_back(*end);
    }
}

void read_rule(const Node& node, const Ends& ends, std::vector<FlowRule>& policy, Diagnostics& diagnostics) {
    if (!expect_mapping(node, "policy", "a rule such as `never: {from: a, to: b}`", diagnostics))
        return;
    const Fields rule_kind(node, "a rule", node.span, {{"never"}, {"only"}}, diagnostics);
    const Node* never = rule_kind.find("never");
    const Node* only = rule_kind.find("only");
    if (never != nullptr && only != nullptr) {
        diagnostics
            .error("config.two-rules", "a rule is `never` or `only`, not both", rule_kind.key_span("only"),
                   "a second rule")
            .help = "begin each rule with its own `-`";
        return;
    }
    if (never == nullptr && only == nullptr) {
        if (node.keys.empty())
            diagnostics.error("config.missing-key", "a rule has neither `never` nor `only`", node.span,
                              "an empty rule");
        return;
    }
    FlowRule rule;
    rule.only = only != nullptr;
    rule.span = node.span;
    const std::vector<Key> keys = rule.only ? std::vector<Key>{{"from", true}, {"to", true}, {"via", true}}
                                            : std::vector<Key>{{"from", true}, {"to", true}};
    const std::string_view word = rule.only ? "only" : "never";
    const Fields fields(rule.only ? *only : *never, tick(word), rule_kind.key_span(word), keys, diagnostics);
    const Node* from = fields.find("from");
    const Node* to = fields.find("to");
    const auto source = from != nullptr ? ends.read(*from, "from", diagnostics) : std::nullopt;
    const auto target = to != nullptr ? ends.read(*to, "to", diagnostics) : std::nullopt;
    if (!source || !target)
        return;
    rule.from = *source;
    rule.to = *target;
    if (same(rule.from, rule.to)) {
        Diagnostic& loop = diagnostics.error(
            "config.rule-to-itself", fmt::format("{} always reaches itself", tick(to->text)), to->span, "the same");
        loop.related.push_back({from->span, "from here"});
        return;
    }
    if (const Node* via = fields.find("via"))
        read_via(*via, ends, rule, diagnostics);
    policy.push_back(std::move(rule));
}

} // namespace

void read_channels(const Node& node, Model& model, Diagnostics& diagnostics) {
    if (!expect_mapping(node, "channels", "a mapping from names to channels", diagnostics))
        return;
    for (const NamedEntry& entry : named_entries(node, "channel", kMostChannels, diagnostics))
        model.channels.push_back(read_channel(entry, model, diagnostics));
}

void read_externals(const Node& node, const Board* board, Model& model, Diagnostics& diagnostics) {
    if (!expect_mapping(node, "external", "a mapping from names to `{through: [DEVICE]}`", diagnostics))
        return;
    std::vector<std::string_view> devices;
    if (board != nullptr)
        for (const BoardPciFunction& function : board->pci)
            devices.push_back(function.name.value);
    for (const NamedEntry& entry : named_entries(node, "external", kMostExternals, diagnostics)) {
        External external;
        external.name = {entry.name->text, entry.name->span};
        for (const Partition& partition : model.partitions)
            if (partition.name.value == external.name.value)
                diagnostics
                    .error("config.duplicate-name",
                           fmt::format("{} is a partition and an external", tick(external.name.value)),
                           external.name.span, "an external here")
                    .related.push_back({partition.name.span, "a partition here"});
        if (entry.value != nullptr) {
            const Fields fields(*entry.value, "external " + tick(entry.name->text), entry.name->span,
                                {{"through", true}}, diagnostics);
            const Node* through = fields.find("through");
            if (through != nullptr && expect_list(*through, "through", "a list of device names", diagnostics))
                for (const Node& item : through->items)
                    if (board == nullptr || read_reference(item, "through", "a device", devices, diagnostics))
                        external.through.push_back({item.text, item.span});
        }
        model.externals.push_back(std::move(external));
    }
}

void read_policy(const Node& node, const Model& model, std::vector<FlowRule>& policy, Diagnostics& diagnostics) {
    if (!expect_list(node, "policy", "a list of rules", diagnostics))
        return;
    const Ends ends(model);
    std::size_t rules = 0;
    for (const Node& item : node.items) {
        if (rules++ == kMostRules) {
            diagnostics.error("config.too-many", fmt::format("more rules than allowed: at most {}", kMostRules),
                              item.span, "one too many");
            return;
        }
        read_rule(item, ends, policy, diagnostics);
    }
}

} // namespace septum::config
