// SPDX-License-Identifier: Apache-2.0
#include "config/names.hpp"

#include "config/fields.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::config {

namespace {

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

// The name that was probably meant, or what is none either.
std::string as_name(std::string_view text) {
    std::string name;
    for (const char c : text)
        name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '_' || c == ' ' || c == '.' ? '-' : c;
    return name;
}

} // namespace

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName && is_lower(text[0]) &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '-'; });
}

bool check_name(const Node& node, std::string_view what, Diagnostics& diagnostics) {
    if (node.kind != Node::Kind::scalar) {
        wrong_type(node, "name", "a word", diagnostics);
        return false;
    }
    const std::string_view text = node.text;
    if (text.size() > kLongestName) {
        diagnostics.error("config.bad-name",
                          fmt::format("{} name {} is {} bytes long, at most {} are allowed", what, tick(text),
                                      text.size(), kLongestName),
                          node.span, "too long");
        return false;
    }
    if (!is_name(text)) {
        const std::string mended = as_name(text);
        diagnostics
            .error("config.bad-name", fmt::format("{} name {} is not allowed", what, tick(text)), node.span,
                   "not a name")
            .help = (is_name(mended) ? "write " + tick(mended) + ": " : std::string()) +
                    "a name begins with a lower-case letter and goes on with lower-case letters, digits and `-`";
        return false;
    }
    return true;
}

std::vector<NamedEntry> named_entries(const Node& mapping, std::string_view what, std::size_t most,
                                      Diagnostics& diagnostics) {
    std::vector<NamedEntry> entries;
    for (std::size_t i = 0; i < mapping.keys.size(); ++i) {
        if (entries.size() == most) {
            diagnostics.error("config.too-many",
                              fmt::format("more {}s than allowed: {}, at most {}", what, mapping.keys.size(), most),
                              mapping.keys[i].span, "one too many");
            break;
        }
        const Node& key = mapping.keys[i];
        const Node* value = &mapping.items[i];
        (void)check_name(key, what, diagnostics);
        if (value->kind == Node::Kind::null) {
            diagnostics.error("config.empty-value", fmt::format("{} {} has no value", what, tick(key.text)), key.span,
                              "nothing follows");
            value = nullptr;
        }
        entries.push_back({&key, value});
    }
    std::sort(entries.begin(), entries.end(),
              [](const NamedEntry& a, const NamedEntry& b) { return a.name->text < b.name->text; });
    return entries;
}

Span entry_span(const NamedEntry& entry) {
    const Span& from = entry.name->span;
    const Span& to = entry.value != nullptr ? entry.value->span : entry.name->span;
    return {from.file, from.line, from.column, to.end_line, to.end_column};
}

} // namespace septum::config
