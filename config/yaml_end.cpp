// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_end.hpp"

namespace septum::config {

namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t skip_space_and_comments(std::string_view text, std::size_t at) {
    while (at < text.size()) {
        if (is_space(text[at])) {
            ++at;
        } else if (text[at] == '#') {
            while (at < text.size() && text[at] != '\n')
                ++at;
        } else {
            break;
        }
    }
    return at;
}

std::size_t quoted_end(std::string_view text, std::size_t begin) {
    const char quote = text[begin];
    for (std::size_t i = begin + 1; i < text.size(); ++i) {
        if (quote == '"' && text[i] == '\\') {
            ++i;
        } else if (text[i] == quote) {
            const bool doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
            if (!doubled)
                return i + 1;
            ++i;
        }
    }
    return kNotClosed;
}

// A plain scalar stands in the text as its value, but that a folded line break is any white space there and a space
// or line feeds in the value.
std::size_t plain_end(std::string_view text, std::size_t begin, std::string_view value) {
    std::size_t at = begin;
    std::size_t v = 0;
    while (v < value.size() && at < text.size()) {
        if (text[at] == value[v] && value[v] != ' ' && value[v] != '\n') {
            ++at;
            ++v;
        } else if (is_space(text[at]) && is_space(value[v])) {
            while (v < value.size() && is_space(value[v]))
                ++v;
            while (at < text.size() && is_space(text[at]))
                ++at;
        } else {
            break;
        }
    }
    return at;
}

} // namespace

std::size_t scalar_end(std::string_view text, std::size_t begin, std::string_view value) {
    if (begin >= text.size())
        return text.size();
    switch (text[begin]) {
    case '"':
    case '\'':
        return quoted_end(text, begin);
    case '|':
    case '>': {
        std::size_t at = begin + 1;
        while (at < text.size() && !is_space(text[at]))
            ++at;
        return at;
    }
    default:
        return plain_end(text, begin, value);
    }
}

std::size_t flow_end(std::string_view text, std::size_t from, char closing) {
    std::size_t at = from;
    while (true) {
        at = skip_space_and_comments(text, at);
        if (at >= text.size())
            return from;
        if (text[at] == closing)
            return at + 1;
        if (text[at] != ',' && text[at] != ':' && text[at] != '?')
            return from;
        ++at;
    }
}

std::size_t null_length(std::string_view text, std::size_t at) {
    if (at > text.size())
        return 0;
    const std::string_view rest = text.substr(at);
    for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
        if (!rest.starts_with(word))
            continue;
        const std::string_view after = rest.substr(word.size());
        if (after.empty() || is_space(after[0]) || after[0] == ',' || after[0] == ']' || after[0] == '}')
            return word.size();
    }
    return 0;
}

std::size_t next_dash(std::string_view text, std::size_t from) {
    const std::size_t at = skip_space_and_comments(text, from);
    return at < text.size() && text[at] == '-' ? at : from;
}

} // namespace septum::config
