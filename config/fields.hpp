// SPDX-License-Identifier: Apache-2.0
// A mapping with a fixed set of keys, read strictly.
#pragma once

#include "config/yaml_tree.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace septum::config {

struct Key {
    std::string_view name;
    bool required = false;
};

class Fields {
public:
    // `what` names the mapping in messages ("partition `vault`"). `at` is where a missing key is reported: the name
    // of the thing rather than all of it. Says unknown, empty and missing keys at once.
    Fields(const Node& node, std::string what, Span at, const std::vector<Key>& known, Diagnostics& diagnostics);

    // The value of `key`, or nullptr when it is absent or empty; either way that was dealt with.
    [[nodiscard]] const Node* find(std::string_view key) const;
    // Where `key` stands; unknown when it is absent.
    [[nodiscard]] Span key_span(std::string_view key) const;
    [[nodiscard]] const std::string& what() const { return what_; }

private:
    const Node& node_;
    std::string what_;
};

// Says that `node`, the value of `key`, should have been `expected` ("a size such as `64 MiB`").
Diagnostic& wrong_type(const Node& node, std::string_view key, std::string_view expected, Diagnostics& diagnostics);

// A mapping or a list, or a message and false.
[[nodiscard]] bool expect_mapping(const Node& node, std::string_view key, std::string_view expected,
                                  Diagnostics& diagnostics);
[[nodiscard]] bool expect_list(const Node& node, std::string_view key, std::string_view expected,
                               Diagnostics& diagnostics);

} // namespace septum::config
