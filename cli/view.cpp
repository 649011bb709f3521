// SPDX-License-Identifier: Apache-2.0
#include "cli/view.hpp"

#include <algorithm>

namespace septum::cli {
namespace {

constexpr std::size_t kNarrowest = 12; // columns of one console
constexpr std::string_view kBetween = " | ";

// The line without the name in front that `[name] ` or `septum: ` is: the column's heading has it.
std::string_view without_name(std::string_view line) {
    if (!speaker(line).empty())
        line.remove_prefix(std::min(line.size(), speaker(line).size() + 3));
    else if (line.starts_with("septum: "))
        line.remove_prefix(8);
    return line;
}

// The first `columns` characters, never half of one; the rest stays.
std::string_view take(std::string_view& text, std::size_t columns) {
    std::size_t at = 0;
    for (std::size_t taken = 0; at < text.size(); ++at) {
        const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
        if (begins && ++taken > columns)
            break;
    }
    const auto piece = text.substr(0, at);
    text.remove_prefix(at);
    return piece;
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

} // namespace

std::size_t View::console_of(const std::string& line) {
    const auto name = speaker(line);
    const std::string_view whose = name.empty() ? std::string_view("septum") : name;
    const auto known =
        std::find_if(consoles_.begin(), consoles_.end(), [&](const Console& console) { return console.name == whose; });
    if (known != consoles_.end())
        return static_cast<std::size_t>(known - consoles_.begin());
    consoles_.push_back({std::string(whose), {}});
    return consoles_.size() - 1;
}

std::string View::heading() const {
    const std::size_t count = consoles_.size();
    const std::size_t room = std::max(kNarrowest, (width_ - std::min(width_, (count - 1) * kBetween.size())) / count);
    std::string text;
    for (std::size_t i = 0; i < count; i++) {
        std::string_view rest = consoles_[i].name;
        std::string cell(take(rest, room));
        if (i + 1 < count)
            cell.append(room - characters(cell), ' ').append(kBetween);
        text += cell;
    }
    return text + "\n" + std::string(std::min(width_, count * room + (count - 1) * kBetween.size()), '-') + "\n";
}

std::string View::in_column(std::size_t console, const std::string& line) {
    const std::size_t count = consoles_.size();
    const std::size_t room = std::max(kNarrowest, (width_ - std::min(width_, (count - 1) * kBetween.size())) / count);
    std::string text;
    std::string_view rest = without_name(line);
    do {
        const auto piece = take(rest, room);
        for (std::size_t i = 0; i < count; i++) {
            std::string cell = i == console ? std::string(piece) : std::string();
            cell.append(room - characters(cell), ' ');
            text += cell;
            text += i + 1 < count ? kBetween : "";
        }
        while (text.ends_with(' '))
            text.pop_back();
        text += '\n';
    } while (!rest.empty());
    return text;
}

std::string View::show(const std::string& line) {
    const std::size_t before = consoles_.size();
    const std::size_t console = console_of(line);
    auto& lines = consoles_[console].lines;
    lines.push_back(line);
    if (lines.size() > kKept)
        lines.pop_front();
    if (shown_ == "all")
        return painter_.paint(line) + "\n";
    if (shown_ == "columns")
        return (consoles_.size() != before ? heading() : "") + in_column(console, line);
    return consoles_[console].name == shown_ ? painter_.paint(line) + "\n" : "";
}

std::string View::choose(const std::string& name) {
    shown_ = name;
    if (name == "columns")
        return heading();
    std::string text = "-- " + (name == "all" ? "all consoles" : "console of " + name) + " --\n";
    for (const auto& console : consoles_)
        if (console.name == name)
            for (const auto& line : console.lines)
                text += painter_.paint(line) + "\n";
    return text;
}

std::string View::key(char key) {
    if (key == '0')
        return choose("all");
    if (key == 'c')
        return choose("columns");
    if (key >= '1' && key <= '9' && static_cast<std::size_t>(key - '1') < consoles_.size())
        return choose(consoles_[static_cast<std::size_t>(key - '1')].name);
    if (key != '?')
        return {};
    std::string text = "-- keys: 0 all consoles, c side by side";
    for (std::size_t i = 0; i < consoles_.size() && i < 9; i++)
        text += ", " + std::to_string(i + 1) + " " + consoles_[i].name;
    return text + ", q ends --\n";
}

} // namespace septum::cli
