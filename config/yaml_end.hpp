// SPDX-License-Identifier: Apache-2.0
// yaml-cpp says where a thing begins; here is where it ends. YAML 1.2.2 chapters 6 to 8.
#pragma once

#include <cstddef>
#include <string_view>

namespace septum::config {

inline constexpr std::size_t kNotClosed = ~std::size_t{0};

// End of the scalar that begins at `begin` and whose value is `value`; kNotClosed when it begins with a quote that is
// never closed. A block scalar ends with its header, which is all of it that a message points at.
[[nodiscard]] std::size_t scalar_end(std::string_view text, std::size_t begin, std::string_view value);

// End of the flow collection whose last item ends at `from`: behind `closing`.
[[nodiscard]] std::size_t flow_end(std::string_view text, std::size_t from, char closing);

// Length of an explicit null (~, null, Null, NULL) at `at`, or 0.
[[nodiscard]] std::size_t null_length(std::string_view text, std::size_t at);

// The next `-` of a block list at or after `from`, or `from` when something else comes first.
[[nodiscard]] std::size_t next_dash(std::string_view text, std::size_t from);

} // namespace septum::config
