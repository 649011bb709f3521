// SPDX-License-Identifier: Apache-2.0
#include "cli/number.hpp"

#include <charconv>

namespace septum::cli {

std::optional<std::uint64_t> parse_number(const std::string& word) {
    const bool hex = word.starts_with("0x") || word.starts_with("0X");
    std::string digits;
    bool after_digit = false;
    for (const char c : word.substr(hex ? 2 : 0)) {
        if (c == '_' && !after_digit)
            return std::nullopt;
        after_digit = c != '_';
        if (after_digit)
            digits += c;
    }
    std::uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value, hex ? 16 : 10);
    if (error != std::errc() || at != end || !after_digit)
        return std::nullopt;
    return value;
}

} // namespace septum::cli
