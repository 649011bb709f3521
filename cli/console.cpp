// SPDX-License-Identifier: Apache-2.0
#include "cli/console.hpp"

namespace septum::cli {
namespace {

constexpr std::size_t kLongestLine = 4096; // a guest that never ends its line must not fill our memory
constexpr const char* kColors[] = {"36", "33", "35", "32", "34", "31", "96", "93", "95", "92", "94", "91"};

std::string sgr(const std::string& code, std::string_view text) {
    return "\x1b[" + code + "m" + std::string(text) + "\x1b[0m";
}

} // namespace

std::vector<std::string> LineReader::feed(std::string_view bytes) {
    std::vector<std::string> lines;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (state_ == State::escape) {
            state_ = c == '[' ? State::sequence : State::text;
            continue;
        }
        if (state_ == State::sequence) { // ECMA-48 §5.4: parameters, intermediates, one final byte
            if (byte >= 0x40 && byte <= 0x7E)
                state_ = State::text;
            continue;
        }
        if (byte == 0x1B)
            state_ = State::escape;
        else if (c == '\n')
            lines.push_back(rest());
        else if (c == '\t' || (byte >= 0x20 && byte != 0x7F))
            line_ += c;
        if (line_.size() >= kLongestLine)
            lines.push_back(rest());
    }
    return lines;
}

std::string LineReader::rest() {
    std::string line = std::move(line_);
    line_.clear();
    return line;
}

std::string_view speaker(std::string_view line) {
    if (!line.starts_with('['))
        return {};
    const auto end = line.find(']');
    if (end == std::string_view::npos || end == 1)
        return {};
    const auto name = line.substr(1, end - 1);
    return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos
               ? name
               : std::string_view();
}

std::string Painter::paint(const std::string& line) {
    if (!color_ || line.empty())
        return line;
    const auto name = speaker(line);
    if (name == "septum" || line.starts_with("septum: "))
        return sgr("1", line);
    if (name.empty())
        return sgr("2", line);
    const auto number = speakers_.try_emplace(std::string(name), speakers_.size()).first->second;
    const auto head = name.size() + 2;
    return sgr(kColors[number % std::size(kColors)], line.substr(0, head)) + line.substr(head);
}

void Expectations::see(std::string_view line) {
    std::erase_if(missing_, [&](const Pattern& pattern) { return pattern.found_in(line); });
}

std::vector<std::string> Expectations::missing() const {
    std::vector<std::string> texts;
    for (const auto& pattern : missing_)
        texts.push_back(pattern.text());
    return texts;
}

} // namespace septum::cli
