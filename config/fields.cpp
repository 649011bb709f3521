// SPDX-License-Identifier: Apache-2.0
#include "config/fields.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace septum::config {

namespace {

std::vector<std::string_view> names_of(const std::vector<Key>& keys) {
    std::vector<std::string_view> names;
    names.reserve(keys.size());
    for (const Key& key : keys)
        names.push_back(key.name);
    return names;
}

} // namespace

Fields::Fields(const Node& node, std::string what, Span at, const std::vector<Key>& known, Diagnostics& diagnostics)
    : node_(node), what_(std::move(what)) {
    if (node.kind != Node::Kind::mapping) {
        diagnostics.error("config.type", fmt::format("{} expects a mapping, found {}", what_, describe(node)),
                          node.span, "not a mapping");
        return;
    }
    const std::vector<std::string_view> names = names_of(known);
    std::vector<std::string_view> present;
    bool listed = false; // all that a mapping may hold is said once
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
        const Node& key = node.keys[i];
        if (std::find(names.begin(), names.end(), key.text) == names.end()) {
            diagnostics
                .error("config.unknown-key", fmt::format("unknown key {} in {}", tick(key.text), what_), key.span,
                       "not a key of this mapping")
                .help = did_you_mean(key.text, names, listed ? "" : "its keys are " + tick_list(names));
            present.push_back(nearest(key.text, names)); // misspelt is not missing as well
            listed = listed || present.back().empty();
        } else {
            present.push_back(key.text);
            if (node.items[i].kind == Node::Kind::null)
                diagnostics
                    .error("config.empty-value", fmt::format("{} in {} has no value", tick(key.text), what_), key.span,
                           "nothing follows")
                    .help = "write a value or remove the key";
        }
    }
    std::vector<std::string_view> missing;
    for (const Key& key : known)
        if (key.required && std::find(present.begin(), present.end(), key.name) == present.end())
            missing.push_back(key.name);
    if (!missing.empty())
        diagnostics.error("config.missing-key", fmt::format("{} has no {}", what_, tick_list(missing)), at,
                          missing.size() == 1 ? "it is required" : "they are required");
}

const Node* Fields::find(std::string_view key) const {
    for (std::size_t i = 0; i < node_.keys.size(); ++i)
        if (node_.keys[i].text == key)
            return node_.items[i].kind == Node::Kind::null ? nullptr : &node_.items[i];
    return nullptr;
}

Span Fields::key_span(std::string_view key) const {
    for (const Node& k : node_.keys)
        if (k.text == key)
            return k.span;
    return {};
}

Diagnostic& wrong_type(const Node& node, std::string_view key, std::string_view expected, Diagnostics& diagnostics) {
    return diagnostics.error("config.type", fmt::format("{} expects {}, found {}", tick(key), expected, describe(node)),
                             node.span);
}

bool expect_mapping(const Node& node, std::string_view key, std::string_view expected, Diagnostics& diagnostics) {
    if (node.kind == Node::Kind::mapping)
        return true;
    wrong_type(node, key, expected, diagnostics);
    return false;
}

bool expect_list(const Node& node, std::string_view key, std::string_view expected, Diagnostics& diagnostics) {
    if (node.kind == Node::Kind::list)
        return true;
    wrong_type(node, key, expected, diagnostics);
    return false;
}

} // namespace septum::config
