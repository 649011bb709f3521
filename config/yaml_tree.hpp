// SPDX-License-Identifier: Apache-2.0
// YAML as a tree in which everything knows its place. Made from yaml-cpp's events, because its nodes forget what we
// must refuse: duplicate keys, anchors, aliases, tags, a second document.
#pragma once

#include "config/text.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace septum::config {

inline constexpr std::size_t kDeepestNesting = 32;

struct Node {
    enum class Kind { null, scalar, list, mapping };

    Kind kind = Kind::null;
    bool quoted = false;     // scalar in quotes or a block scalar: never a number or a truth value
    std::string text;        // scalar
    std::vector<Node> keys;  // mapping; keys[i] is a scalar that belongs to items[i], all different
    std::vector<Node> items; // list and mapping
    std::size_t begin = 0;   // byte offsets, end exclusive
    std::size_t end = 0;
    Span span;
};

// "a mapping", "a list", "nothing" or "the text `x`" with the article, for messages of the form "expected …, found …".
[[nodiscard]] std::string describe(const Node& node);

// Empty when the text is not YAML at all; defects that leave a usable tree (duplicate keys) are said and the tree is
// returned. Never throws.
[[nodiscard]] std::optional<Node> parse_yaml(const LineIndex& lines, Diagnostics& diagnostics);

// Says so when a document, "the appliance" or "the board", is anything but a mapping: it is none then.
[[nodiscard]] bool is_mapping(const Node& root, std::string_view what, Diagnostics& diagnostics);

} // namespace septum::config
