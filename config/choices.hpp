// SPDX-License-Identifier: Apache-2.0
// One of a few words.
#pragma once

#include "config/fields.hpp"

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace septum::config {

// The value that belongs to the word, or a message that lists the words.
template <typename T, std::size_t N>
std::optional<T> read_choice(const Node& node, std::string_view key,
                             const std::array<std::pair<std::string_view, T>, N>& choices, Diagnostics& diagnostics) {
    std::vector<std::string_view> words;
    for (const auto& [word, value] : choices) {
        if (node.kind == Node::Kind::scalar && node.text == word)
            return value;
        words.push_back(word);
    }
    Diagnostic& wrong = wrong_type(node, key, "one of " + tick_list(words), diagnostics);
    if (node.kind == Node::Kind::scalar)
        wrong.help = did_you_mean(node.text, words, "");
    return std::nullopt;
}

} // namespace septum::config
