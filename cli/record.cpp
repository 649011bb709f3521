// SPDX-License-Identifier: Apache-2.0
#include "cli/record.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace septum::cli {
namespace {

std::string json_quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

Recording::Recording(std::size_t width)
    : text_(fmt::format("{{\"version\": 2, \"width\": {}, \"height\": 40}}\n", width)) {}

void Recording::add(double seconds, std::string_view text) {
    std::string shown;
    for (const char c : text) // a terminal is a teletype still
        shown += c == '\n' ? std::string("\r\n") : std::string(1, c);
    text_ += fmt::format("[{:.6f}, \"o\", {}]\n", seconds, json_quoted(shown));
}

} // namespace septum::cli
