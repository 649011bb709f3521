// SPDX-License-Identifier: Apache-2.0
#include "cli/formats/markup.hpp"

#include <fmt/format.h>

namespace septum::cli {

std::string escape_markup(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
                out += c;
        }
    }
    return out;
}

std::string words(std::string_view text) {
    std::string out;
    bool code = false;
    for (std::size_t at = 0; at < text.size();) {
        const auto tick = text.find('`', at);
        out += escape_markup(text.substr(at, tick - at));
        if (tick == std::string_view::npos)
            break;
        out += code ? "</code>" : "<code>";
        code = !code;
        at = tick + 1;
    }
    return code ? out + "</code>" : out;
}

std::string badge(std::string_view word) {
    return fmt::format("<span class=\"badge {0}\">{0}</span>", word);
}

std::string source_name(const config::SourceFile& file) {
    return file.name.starts_with('/') ? file.name.substr(file.name.rfind('/') + 1) : file.name;
}

std::string line_link(const config::Span& span, const config::Sources& sources) {
    if (!span.known() || span.file >= sources.files.size())
        return {};
    return fmt::format("<a href=\"#f{}l{}\">{}:{}</a>", span.file, span.line,
                       escape_markup(source_name(sources.files[span.file])), span.line);
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr struct {
        std::uint64_t bytes;
        const char* unit;
    } kUnits[] = {{1ULL << 30, "GiB"}, {1ULL << 20, "MiB"}, {1024, "KiB"}};
    for (const auto& [unit_bytes, unit] : kUnits)
        if (bytes >= unit_bytes)
            return bytes % unit_bytes == 0
                       ? fmt::format("{} {}", bytes / unit_bytes, unit)
                       : fmt::format("{:.2f} {}", static_cast<double>(bytes) / static_cast<double>(unit_bytes), unit);
    return fmt::format("{} bytes", bytes);
}

std::string table(std::string_view name, std::string_view classes, const std::vector<std::string>& headings,
                  const std::string& rows, bool find) {
    std::string text =
        fmt::format("<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\"><table class=\"{}\"{}>"
                    "<thead><tr>",
                    escape_markup(name), classes, find ? " data-find" : "");
    for (const auto& heading : headings)
        text += fmt::format("<th scope=\"col\">{}</th>", heading);
    return text + "</tr></thead>\n<tbody>\n" + rows + "</tbody></table></div>\n";
}

} // namespace septum::cli
