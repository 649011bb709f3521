// SPDX-License-Identifier: Apache-2.0
// A diagnostic as people read it. The form is fixed: tests/cases/ holds every message in it.
#include "config/snippet.hpp"
#include "config/source.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace septum::config {

namespace {

// ANSI SGR sequences, empty without colour.
struct Palette {
    std::string_view severity, primary, secondary, gutter, bold, help, off;
};

Palette palette(Severity severity, bool color) {
    if (!color)
        return {};
    constexpr std::string_view kRed = "\x1b[1;31m";
    constexpr std::string_view kYellow = "\x1b[1;33m";
    constexpr std::string_view kCyan = "\x1b[1;36m";
    constexpr std::string_view kBlue = "\x1b[1;34m";
    const std::string_view loud = severity == Severity::error ? kRed : severity == Severity::warning ? kYellow : kCyan;
    return {loud, loud, kBlue, kBlue, "\x1b[1m", "\x1b[1;32m", "\x1b[0m"};
}

std::string_view word(Severity severity) {
    switch (severity) {
    case Severity::error:
        return "error";
    case Severity::warning:
        return "warning";
    case Severity::note:
        return "note";
    }
    return "error";
}

bool shows(const Span& span, const Sources& sources) {
    return span.known() && span.file < sources.files.size();
}

// Every mark of the message, by file, then by line; the primary's file comes first.
using LineMarks = std::map<std::uint32_t, std::vector<Mark>>;
struct FileMarks {
    std::uint32_t file = 0;
    Span head; // named behind the arrow
    LineMarks lines;
};

void place(std::vector<FileMarks>& files, Mark mark) {
    const auto same_file = [&](const FileMarks& f) { return f.file == mark.span.file; };
    auto it = std::find_if(files.begin(), files.end(), same_file);
    if (it == files.end())
        it = files.insert(files.end(), FileMarks{mark.span.file, mark.span, {}});
    it->lines[mark.span.line].push_back(std::move(mark));
}

std::vector<FileMarks> collect(const Diagnostic& diagnostic, const Sources& sources) {
    std::vector<FileMarks> files;
    if (shows(diagnostic.primary, sources))
        place(files, {diagnostic.primary, diagnostic.label, true});
    for (const Label& label : diagnostic.related)
        if (shows(label.span, sources))
            place(files, {label.span, label.text, false});
    for (FileMarks& file : files)
        for (auto& [line, marks] : file.lines)
            std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) {
                return std::tie(a.span.column, a.text) < std::tie(b.span.column, b.text);
            });
    return files;
}

std::size_t gutter_width(const std::vector<FileMarks>& files) {
    std::size_t width = 1;
    for (const FileMarks& file : files)
        if (!file.lines.empty())
            width = std::max(width, fmt::formatted_size("{}", file.lines.rbegin()->first));
    return width;
}

Columns mark_columns(const Mark& mark, std::string_view line) {
    const std::size_t begin = mark.span.column > 0 ? mark.span.column - 1 : 0;
    const bool one_line = mark.span.end_line == mark.span.line;
    // A stretch over several lines is shown by its first one, to where the text ends there.
    const std::size_t last = line.find_last_not_of(" \t");
    const std::size_t text_end = last == std::string_view::npos ? 0 : last + 1;
    const std::size_t end = one_line ? (mark.span.end_column > 0 ? mark.span.end_column - 1 : 0) : text_end;
    return columns_of(line, begin, std::max(begin, end));
}

void print_line(std::string& out, std::uint32_t number, const std::vector<Mark>& marks, std::string_view line,
                std::size_t width, const Palette& paint) {
    const auto primary = std::find_if(marks.begin(), marks.end(), [](const Mark& m) { return m.primary; });
    const ShownLine shown = show_line(line, mark_columns(primary != marks.end() ? *primary : marks.front(), line));
    out += fmt::format("{}{:>{}} |{}{}{}\n", paint.gutter, number, width, paint.off, shown.text.empty() ? "" : " ",
                       shown.text);
    for (const Mark& mark : marks) {
        const Columns columns = mark_columns(mark, line);
        if (columns.begin < shown.cut)
            continue; // cut away; only in lines far beyond any screen
        constexpr std::size_t kMostCarets = 160;
        const std::size_t indent = columns.begin - shown.cut + shown.ellipsis;
        const std::size_t carets = std::min(columns.end - columns.begin, kMostCarets);
        if (indent > 2 * kMostCarets)
            continue;
        out +=
            fmt::format("{}{:{}} |{} {:{}}{}{}", paint.gutter, "", width, paint.off, "", indent,
                        mark.primary ? paint.primary : paint.secondary, std::string(carets, mark.primary ? '^' : '-'));
        if (!mark.text.empty())
            out += " " + mark.text;
        out += paint.off;
        out += '\n';
    }
}

} // namespace

std::string render(const Diagnostic& diagnostic, const Sources& sources, bool color) {
    const Palette paint = palette(diagnostic.severity, color);
    const std::vector<FileMarks> files = collect(diagnostic, sources);
    const std::size_t width = gutter_width(files);
    std::string out = fmt::format("{}{}[{}]{}{}: {}{}\n", paint.severity, word(diagnostic.severity), diagnostic.id,
                                  paint.off, paint.bold, diagnostic.message, paint.off);
    bool first = true;
    for (const FileMarks& file : files) {
        const SourceFile& source = sources.files[file.file];
        out += fmt::format("{}{:{}}{}{} {}:{}:{}\n", paint.gutter, "", width, first ? "-->" : ":::", paint.off,
                           source.name, file.head.line, file.head.column);
        out += fmt::format("{}{:{}} |{}\n", paint.gutter, "", width, paint.off);
        for (const auto& [line, marks] : file.lines)
            print_line(out, line, marks, source_line(source.text, line), width, paint);
        first = false;
    }
    if (!diagnostic.notes.empty() && !files.empty())
        out += fmt::format("{}{:{}} |{}\n", paint.gutter, "", width, paint.off);
    for (const std::string& note : diagnostic.notes)
        out += fmt::format("{}{:{}} ={} note: {}\n", paint.gutter, "", width, paint.off, note);
    if (!diagnostic.help.empty())
        out += fmt::format("{}help{}: {}\n", paint.help, paint.off, diagnostic.help);
    return out;
}

std::string render_short(const Diagnostic& diagnostic, const Sources& sources) {
    std::string place;
    if (shows(diagnostic.primary, sources))
        place = fmt::format("{}:{}:{}: ", sources.files[diagnostic.primary.file].name, diagnostic.primary.line,
                            diagnostic.primary.column);
    return fmt::format("{}{}[{}]: {}\n", place, word(diagnostic.severity), diagnostic.id, diagnostic.message);
}

} // namespace septum::config
