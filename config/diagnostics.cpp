// SPDX-License-Identifier: Apache-2.0
#include "config/diagnostics.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>
#include <utility>

namespace septum::config {

namespace {

constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kMostErrors = 100;

Diagnostic make(Severity severity, std::string id, std::string message, Span at, std::string label) {
    Diagnostic diagnostic;
    diagnostic.severity = severity;
    diagnostic.id = std::move(id);
    diagnostic.message = std::move(message);
    diagnostic.primary = at;
    diagnostic.label = std::move(label);
    return diagnostic;
}

} // namespace

Diagnostic& Diagnostics::error(std::string id, std::string message, Span at, std::string label) {
    return all_.emplace_back(make(Severity::error, std::move(id), std::move(message), at, std::move(label)));
}

Diagnostic& Diagnostics::note(std::string id, std::string message, Span at, std::string label) {
    return all_.emplace_back(make(Severity::note, std::move(id), std::move(message), at, std::move(label)));
}

bool Diagnostics::any_error() const {
    return std::any_of(all_.begin(), all_.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::vector<Diagnostic> Diagnostics::take_sorted() {
    const auto place = [](const Diagnostic& d) {
        const Span& s = d.primary;
        return std::tuple(s.known() ? 1 : 0, s.file, s.line, s.column, std::string_view(d.id),
                          std::string_view(d.message));
    };
    std::sort(all_.begin(), all_.end(), [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
    std::vector<Diagnostic> shown;
    std::size_t errors = 0;
    for (Diagnostic& diagnostic : all_)
        if (diagnostic.severity != Severity::error || ++errors <= kMostErrors)
            shown.push_back(std::move(diagnostic));
    if (errors > kMostErrors)
        shown.push_back(make(Severity::note, "config.more-errors",
                             fmt::format("{} more errors are not shown", errors - kMostErrors), {}, {}));
    all_.clear();
    return shown;
}

std::string tick(std::string_view text, std::size_t longest) {
    std::string out = "`";
    std::size_t shown = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool inside_code_point = (byte & 0xC0U) == 0x80U;
        if (shown >= longest && !inside_code_point) {
            out += "…";
            break;
        }
        ++shown;
        if (byte < 0x20 || byte == 0x7F)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out + "`";
}

std::string tick_path(std::string_view path) {
    return tick(path, kLongestPath);
}

std::string tick_list(const std::vector<std::string_view>& names) {
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i != 0)
            out += i + 1 == names.size() ? " and " : ", ";
        out += tick(names[i]);
    }
    return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates,
                         std::string otherwise) {
    const std::string_view near = nearest(word, candidates);
    return near.empty() ? std::move(otherwise) : fmt::format("did you mean {}?", tick(near));
}

} // namespace septum::config
