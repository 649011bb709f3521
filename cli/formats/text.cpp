// SPDX-License-Identifier: Apache-2.0
// For people: whole messages, or one line each.
#include "cli/formats/formats.hpp"

#include "config/snippet.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

std::string property_lines(const verifier::Report& report) {
    std::string text;
    for (const auto& result : report.results) {
        text += fmt::format("{:<16} {:<24} {:<16} {}", verifier::name(result.verdict), result.id,
                            verifier::name(result.level), result.title);
        text += result.reason.empty() ? "\n" : fmt::format(" ({})\n", result.reason);
    }
    return text;
}

std::string acknowledged_line(const Item& item) {
    return fmt::format("acknowledged until {}: `{}`: {}\n", item.acknowledged->expires, item.fingerprint,
                       item.acknowledged->reason);
}

} // namespace

std::uint32_t character_column(const config::SourceFile& file, std::uint32_t line, std::uint32_t column) {
    const std::string_view text = config::source_line(file.text, line);
    const auto bytes = std::min<std::size_t>(text.size(), column == 0 ? 0 : column - 1);
    std::uint32_t characters = 1;
    for (std::size_t i = 0; i < bytes; i++)
        characters += (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U ? 1U : 0U;
    return characters;
}

std::string as_text(const Answer& answer, bool all, bool color) {
    std::string text;
    std::string acknowledged;
    const auto items = answer.items();
    for (std::size_t i = 0; i < items.size(); i++) {
        if (items[i].acknowledged != nullptr) {
            acknowledged += acknowledged_line(items[i]);
            continue;
        }
        auto diagnostic = items[i].diagnostic;
        if (diagnostic.id == "image.digests" && i + 1 < items.size() && items[i + 1].diagnostic.id != "image.digests")
            diagnostic.notes.emplace_back("what follows was read from the altered image and may only be a consequence");
        text += (text.empty() ? "" : "\n") + config::render(diagnostic, answer.sources, color);
    }
    if (!acknowledged.empty())
        text += (text.empty() ? "" : "\n") + acknowledged;
    if (all && answer.report)
        text += (text.empty() ? "" : "\n") + property_lines(*answer.report);
    return text;
}

std::string as_brief(const Answer& answer, bool all) {
    std::string text;
    for (const auto& item : answer.items())
        text += item.acknowledged != nullptr ? acknowledged_line(item)
                                             : config::render_short(item.diagnostic, answer.sources);
    if (all && answer.report)
        text += property_lines(*answer.report);
    return text;
}

} // namespace septum::cli
