// SPDX-License-Identifier: Apache-2.0
#include "config/include.hpp"

#include "config/fields.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <system_error>
#include <utility>

namespace septum::config {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kInclude = "include";

// The same file under any name.
fs::path identity(const fs::path& path) {
    std::error_code code;
    const fs::path whole = fs::weakly_canonical(path, code);
    return code ? path : whole;
}

const Node* value_of(const Node& mapping, std::string_view key) {
    for (std::size_t i = 0; i < mapping.keys.size(); ++i)
        if (mapping.keys[i].text == key)
            return &mapping.items[i];
    return nullptr;
}

class Expansion {
public:
    Expansion(Node& root, const fs::path& path, Sources& sources, Diagnostics& diagnostics)
        : root_(root), sources_(sources), diagnostics_(diagnostics) {
        included_[identity(path)] = {};
    }

    // `list` is the value of an `include:` in a file of `directory`.
    void include(const Node& list, const fs::path& directory) {
        if (!expect_list(list, kInclude, "a list of files", diagnostics_))
            return;
        for (const Node& item : list.items)
            if (const auto name = read_text(item, kInclude, "a file", diagnostics_))
                read(directory / *name, item.span);
    }

private:
    void read(const fs::path& path, Span named_at) {
        const auto [entry, is_new] = included_.try_emplace(identity(path), named_at);
        if (!is_new) {
            Diagnostic& again = diagnostics_.error(
                "config.include-again", fmt::format("{} is included already", tick_path(path.string())), named_at,
                entry->second.known() ? "again" : "this is the appliance itself");
            if (entry->second.known())
                again.related.push_back({entry->second, "first here"});
            again.help = "include each file once; what it says holds for the whole appliance";
            return;
        }
        if (included_.size() > kMostFragments + 1) {
            diagnostics_.error("config.too-many-includes",
                               fmt::format("more than {} files are included", kMostFragments), named_at,
                               "one too many");
            return;
        }
        const std::optional<std::string> text = read_source(path, named_at, diagnostics_);
        if (!text)
            return;
        const auto file = static_cast<std::uint32_t>(sources_.files.size());
        sources_.files.push_back({path.string(), *text});
        const LineIndex lines(*text, file);
        if (!check_characters(lines, diagnostics_))
            return;
        const std::optional<Node> fragment = parse_yaml(lines, diagnostics_);
        if (!fragment)
            return;
        if (!expect_mapping(*fragment, kInclude, "a fragment: a mapping with `partitions`, `channels`, …",
                            diagnostics_))
            return;
        const Fields fields(*fragment, "the fragment", lines.span(fragment->begin, fragment->begin),
                            {{"include"}, {"partitions"}, {"channels"}, {"external"}, {"policy"}}, diagnostics_);
        for (const std::string_view key : {"partitions", "channels", "external"})
            if (const Node* part = fields.find(key);
                part != nullptr && expect_mapping(*part, key, "a mapping", diagnostics_))
                merge(key, fields.key_span(key), *part);
        if (const Node* rules = fields.find("policy");
            rules != nullptr && expect_list(*rules, "policy", "a list of rules", diagnostics_))
            merge("policy", fields.key_span("policy"), *rules);
        if (const Node* list = fields.find(kInclude))
            include(*list, path.parent_path());
    }

    void merge(std::string_view key, Span key_span, const Node& part) {
        std::size_t at = 0;
        while (at < root_.keys.size() && root_.keys[at].text != key)
            ++at;
        if (at == root_.keys.size()) {
            Node name;
            name.kind = Node::Kind::scalar;
            name.text = key;
            name.span = key_span;
            root_.keys.push_back(std::move(name));
            root_.items.push_back(part);
            return;
        }
        Node& whole = root_.items[at];
        if (whole.kind == Node::Kind::null) // an empty value, which the reader has refused or will
            return;
        if (whole.kind != part.kind)
            return; // the appliance's own is of the wrong kind, and its reader says so
        for (std::size_t i = 0; i < part.items.size(); ++i) {
            if (part.kind == Node::Kind::mapping) {
                const auto earlier = std::find_if(whole.keys.begin(), whole.keys.end(),
                                                  [&](const Node& known) { return known.text == part.keys[i].text; });
                if (earlier != whole.keys.end()) {
                    Diagnostic& twice = diagnostics_.error(
                        "config.include-twice", fmt::format("{} is in `{}` of two files", tick(part.keys[i].text), key),
                        part.keys[i].span, "again");
                    twice.related.push_back({earlier->span, "first here"});
                    twice.help = "rename one of the two: fragments add, they do not replace";
                    continue;
                }
                whole.keys.push_back(part.keys[i]);
            }
            whole.items.push_back(part.items[i]);
        }
    }

    Node& root_;
    Sources& sources_;
    Diagnostics& diagnostics_;
    std::map<fs::path, Span> included_; // and where; unknown for the appliance itself
};

} // namespace

void expand_includes(Node& root, const fs::path& path, const fs::path& directory, Sources& sources,
                     Diagnostics& diagnostics) {
    const Node* const list = root.kind == Node::Kind::mapping ? value_of(root, kInclude) : nullptr;
    if (list == nullptr || list->kind == Node::Kind::null)
        return;
    const Node copy = *list; // the root grows while it is read
    Expansion(root, path, sources, diagnostics).include(copy, directory);
}

} // namespace septum::config
