// SPDX-License-Identifier: Apache-2.0
// GitHub's workflow commands: each line becomes an annotation at its place in the pull request. A step shows ten of
// each kind, so errors come first.
#include "cli/formats/formats.hpp"

#include <fmt/format.h>

namespace septum::cli {
namespace {

// Of the text behind `::`; of a property also the two signs that end it.
std::string escaped(std::string_view text, bool property) {
    std::string out;
    for (const char c : text) {
        if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out;
}

std::string command(const Answer& answer, const Item& item, const char* kind) {
    const auto& d = item.diagnostic;
    std::string text = fmt::format("::{} ", kind);
    if (d.primary.known() && d.primary.file < answer.sources.files.size()) {
        const auto& file = answer.sources.files[d.primary.file];
        const auto column = character_column(file, d.primary.line, d.primary.column);
        text += fmt::format("file={},line={},", escaped(file.name, true), d.primary.line);
        if (d.primary.end_line == d.primary.line) // columns are for one line only
            text += fmt::format("endLine={},col={},endColumn={},", d.primary.end_line, column,
                                character_column(file, d.primary.line, d.primary.end_column));
        else
            text += fmt::format("endLine={},", std::max(d.primary.line, d.primary.end_line));
    } else {
        text += fmt::format("file={},line=1,", escaped(answer.appliance, true));
    }
    std::string words = d.message;
    for (const auto& note : d.notes)
        words += "\n" + note;
    if (!d.help.empty())
        words += "\nhelp: " + d.help;
    if (item.acknowledged != nullptr)
        words += fmt::format("\nacknowledged until {}: {}", item.acknowledged->expires, item.acknowledged->reason);
    return text + fmt::format("title={}::{}\n", escaped(d.id, true), escaped(words, false));
}

} // namespace

std::string as_github(const Answer& answer) {
    std::string errors;
    std::string warnings;
    std::string notices;
    for (const auto& d : answer.failures())
        errors += command(answer, {d, {}, {}, nullptr, nullptr}, "error");
    for (const auto& item : answer.items()) {
        if (item.acknowledged != nullptr || item.diagnostic.severity == config::Severity::note)
            notices += command(answer, item, "notice");
        else if (item.diagnostic.severity == config::Severity::warning)
            warnings += command(answer, item, "warning");
        else
            errors += command(answer, item, "error");
    }
    return errors + warnings + notices;
}

} // namespace septum::cli
