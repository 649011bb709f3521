// SPDX-License-Identifier: Apache-2.0
// Names, and references to them.
#pragma once

#include "config/yaml_tree.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace septum::config {

// [a-z][a-z0-9-]*, at most 31 bytes.
[[nodiscard]] bool is_name(std::string_view text);

// The same, or a message and false. `what` says whose name it is: "partition".
[[nodiscard]] bool check_name(const Node& node, std::string_view what, Diagnostics& diagnostics);

// Entries of a mapping whose keys are names, sorted by name, at most `most`. One with a bad name is said and kept, so
// that references to it are not called unknown as well.
struct NamedEntry {
    const Node* name = nullptr;
    const Node* value = nullptr; // nullptr when nothing is written; that was said
};
[[nodiscard]] std::vector<NamedEntry> named_entries(const Node& mapping, std::string_view what, std::size_t most,
                                                    Diagnostics& diagnostics);

// The span from the start of the name to the end of the value.
[[nodiscard]] Span entry_span(const NamedEntry& entry);

} // namespace septum::config
