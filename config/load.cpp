// SPDX-License-Identifier: Apache-2.0
// The whole way from a file to a Model.
#include "config/fields.hpp"
#include "config/find_board.hpp"
#include "config/include.hpp"
#include "config/model.hpp"
#include "config/read_flows.hpp"
#include "config/read_partition.hpp"
#include "config/scalars.hpp"

#include <exception>
#include <fmt/format.h>
#include <utility>

namespace septum::config {

namespace {

constexpr std::size_t kMostPartitions = 64; // the manifest's limit

void read_partitions(const Node& node, Span key, const Board* board, Model& model, Diagnostics& diagnostics) {
    if (!expect_mapping(node, "partitions", "a mapping from names to partitions", diagnostics))
        return;
    if (node.keys.empty())
        diagnostics.error("config.no-partitions", "an appliance needs at least one partition", key, "none here");
    for (const NamedEntry& entry : named_entries(node, "partition", kMostPartitions, diagnostics))
        model.partitions.push_back(read_partition(entry, board, diagnostics));
    if (board != nullptr)
        check_cpus(model.partitions, *board, diagnostics);
}

Model read_appliance(const Node& root, Span start, const std::filesystem::path& directory, const LoadOptions& options,
                     Sources& sources, Diagnostics& diagnostics) {
    Model model;
    model.directory = directory;
    const Fields fields(root, "the appliance", start,
                        {{"septum", true},
                         {"name", true},
                         {"board", options.board.empty()},
                         {"include"},
                         {"partitions", true},
                         {"channels"},
                         {"external"},
                         {"policy"}},
                        diagnostics);
    if (const Node* version = fields.find("septum");
        version != nullptr && (version->kind != Node::Kind::scalar || version->text != "1" || version->quoted))
        diagnostics.error("config.version", fmt::format("`septum` expects 1, found {}", describe(*version)),
                          version->span, "this version reads language 1 only");
    if (const Node* name = fields.find("name"); name != nullptr && check_name(*name, "appliance", diagnostics))
        model.name = {name->text, name->span};
    const std::optional<Board> board =
        find_board({fields.find("board"), fields.key_span("board")}, directory, options, sources, diagnostics);
    const Board* known = board ? &*board : nullptr;
    if (const Node* partitions = fields.find("partitions"))
        read_partitions(*partitions, fields.key_span("partitions"), known, model, diagnostics);
    if (const Node* channels = fields.find("channels"))
        read_channels(*channels, model, diagnostics);
    if (const Node* external = fields.find("external"))
        read_externals(*external, known, model, diagnostics);
    if (const Node* policy = fields.find("policy"))
        read_policy(*policy, model, model.policy, diagnostics);
    if (board)
        model.board = *board;
    return model;
}

void load_into(Loaded& loaded, const std::filesystem::path& directory, const LoadOptions& options,
               Diagnostics& diagnostics) {
    const std::string text = loaded.sources.files[0].text; // the board file may move the originals
    const LineIndex lines(text, 0);
    if (text.size() > kLargestSource) {
        diagnostics.error("file.too-large", "the text is larger than 1 MiB, the most a configuration may be", {});
        return;
    }
    if (!check_characters(lines, diagnostics))
        return;
    std::optional<Node> root = parse_yaml(lines, diagnostics);
    if (!root)
        return;
    if (root->kind == Node::Kind::null) {
        diagnostics.error("yaml.empty", "the file is empty", lines.span(0, 0));
        return;
    }
    if (!is_mapping(*root, "the appliance", diagnostics))
        return;
    expand_includes(*root, loaded.sources.files[0].name, directory, loaded.sources, diagnostics);
    Model model =
        read_appliance(*root, lines.span(root->begin, root->begin), directory, options, loaded.sources, diagnostics);
    if (!diagnostics.any_error())
        loaded.model = std::move(model);
}

// The one place where what the libraries throw (no memory, a path that cannot be converted) becomes a message.
template <typename Work>
void guarded(Diagnostics& diagnostics, Work work) {
    try {
        work();
    } catch (const std::exception& error) {
        diagnostics.error("file.unreadable", fmt::format("cannot load the configuration: {}", error.what()), {});
    }
}

} // namespace

Loaded load_text(std::string text, std::string name, const std::filesystem::path& directory,
                 const LoadOptions& options) {
    Loaded loaded;
    Diagnostics diagnostics;
    guarded(diagnostics, [&] {
        loaded.sources.files.push_back({std::move(name), std::move(text)});
        load_into(loaded, directory, options, diagnostics);
    });
    loaded.diagnostics = diagnostics.take_sorted();
    return loaded;
}

Loaded load(const std::filesystem::path& file, const LoadOptions& options) {
    Loaded loaded;
    Diagnostics diagnostics;
    guarded(diagnostics, [&] {
        loaded.sources.files.push_back({file.string(), ""});
        if (auto text = read_source(file, {}, diagnostics)) {
            loaded.sources.files[0].text = *std::move(text);
            load_into(loaded, file.parent_path(), options, diagnostics);
        }
    });
    loaded.diagnostics = diagnostics.take_sorted();
    return loaded;
}

} // namespace septum::config
