// SPDX-License-Identifier: Apache-2.0
// Works on lines: where a line of a block stands follows from the tree, what stands in it is written anew between its
// scalars, which are copied. The result is parsed again and must say the same.
#include "config/format.hpp"

#include "config/yaml_tree.hpp"

#include <algorithm>
#include <map>

namespace septum::config {

namespace {

constexpr std::size_t kStep = 2;

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool same(const Node& a, const Node& b) {
    if (a.kind != b.kind || a.text != b.text || a.quoted != b.quoted || a.keys.size() != b.keys.size() ||
        a.items.size() != b.items.size())
        return false;
    for (std::size_t i = 0; i < a.keys.size(); ++i)
        if (!same(a.keys[i], b.keys[i]))
            return false;
    for (std::size_t i = 0; i < a.items.size(); ++i)
        if (!same(a.items[i], b.items[i]))
            return false;
    return true;
}

struct Stretch {
    std::size_t begin = 0;
    std::size_t end = 0;
};

class Formatter {
public:
    Formatter(std::string_view text, const Node& root) : text_(text) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            lines_.push_back({at, end});
            at = end + 1;
        }
        place(root, 0);
        std::sort(scalars_.begin(), scalars_.end(),
                  [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
    }

    std::string run() {
        std::string out;
        std::size_t blank = 0;
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            const bool literal = literal_.contains(i);
            if (first_of(i) == lines_[i].end && !literal && !inside_scalar(lines_[i].begin)) {
                ++blank; // several become one, those in front of everything none
                continue;
            }
            if (blank != 0 && !out.empty())
                out += '\n';
            blank = 0;
            out += literal ? shifted(i) : whole(i);
            while (!literal && !out.empty() && is_blank(out.back()))
                out.pop_back();
            out += '\n';
        }
        return out;
    }

private:
    std::size_t line_of(std::size_t offset) const {
        const auto next = std::upper_bound(lines_.begin(), lines_.end(), offset,
                                           [](std::size_t at, const Stretch& line) { return at < line.begin; });
        return static_cast<std::size_t>(next - lines_.begin()) - 1;
    }
    // Offset of the first sign of a line that is no blank.
    std::size_t first_of(std::size_t line) const {
        std::size_t at = lines_[line].begin;
        while (at < lines_[line].end && is_blank(text_[at]))
            ++at;
        return at;
    }
    std::size_t old_indent(std::size_t line) const { return first_of(line) - lines_[line].begin; }

    void anchor(std::size_t offset, std::size_t indent) {
        const std::size_t line = line_of(offset);
        if (first_of(line) == offset)
            anchors_.emplace(line, indent);
    }

    void place(const Node& node, std::size_t indent) {
        switch (node.kind) {
        case Node::Kind::null:
        case Node::Kind::scalar:
            place_scalar(node);
            break;
        case Node::Kind::list:
            place_list(node, indent);
            break;
        case Node::Kind::mapping:
            place_mapping(node, indent);
            break;
        }
    }

    void place_scalar(const Node& node) {
        if (node.begin >= text_.size() || node.end <= node.begin)
            return;
        const char first = text_[node.begin];
        if (node.kind == Node::Kind::null && first != '~' && first != 'n' && first != 'N')
            return; // an empty value has the place of its key
        scalars_.push_back({node.begin, node.end});
        if (node.quoted && (first == '|' || first == '>'))
            place_literal(node.begin);
    }

    // The lines behind the header of a block scalar that are its text (YAML 1.2.2 §8.1).
    void place_literal(std::size_t header) {
        const std::size_t line = line_of(header);
        const std::size_t parent = old_indent(line);
        const bool keep = text_.substr(header, lines_[line].end - header).find('+') != std::string_view::npos;
        std::size_t last = line;
        for (std::size_t i = line + 1; i < lines_.size(); ++i) {
            const bool empty = first_of(i) == lines_[i].end;
            if (!empty && old_indent(i) <= parent)
                break;
            if (!empty || keep)
                last = i;
        }
        for (std::size_t i = line + 1; i <= last; ++i)
            literal_.emplace(i, line);
    }

    void place_list(const Node& node, std::size_t indent) {
        const bool flow = node.begin < text_.size() && text_[node.begin] == '[';
        for (const Node& item : node.items) {
            if (!flow) {
                // An empty item has the place of its dash; a scalar may begin with one of its own.
                std::size_t dash = std::min(item.begin, text_.size() - 1);
                if (item.kind != Node::Kind::null && dash > 0)
                    --dash;
                while (dash > 0 && text_[dash] != '-')
                    --dash;
                anchor(dash, indent);
            }
            place(item, flow ? indent : indent + kStep);
        }
    }

    void place_mapping(const Node& node, std::size_t indent) {
        const bool flow = node.begin < text_.size() && text_[node.begin] == '{';
        for (std::size_t i = 0; i < node.keys.size(); ++i) {
            if (!flow)
                anchor(node.keys[i].begin, indent);
            place_scalar(node.keys[i]);
            place(node.items[i], flow ? indent : indent + kStep);
        }
    }

    bool inside_scalar(std::size_t offset) const {
        const auto next = std::upper_bound(scalars_.begin(), scalars_.end(), offset,
                                           [](std::size_t at, const Stretch& s) { return at < s.begin; });
        return next != scalars_.begin() && offset < std::prev(next)->end && offset > std::prev(next)->begin;
    }

    // By how much a line that is no anchor moves: as the anchor before it.
    std::size_t new_indent(std::size_t line) const {
        if (const auto known = anchors_.find(line); known != anchors_.end())
            return known->second;
        const std::size_t old = old_indent(line);
        const bool comment = first_of(line) < lines_[line].end && text_[first_of(line)] == '#';
        const auto next = anchors_.upper_bound(line);
        // A comment stands as what it is about: the next line that stands as it does, else the one before.
        if (comment && next != anchors_.end() && old_indent(next->first) == old)
            return next->second;
        if (comment && old == 0 && next == anchors_.end())
            return 0; // below everything
        if (next == anchors_.begin())
            return comment ? 0 : old;
        const auto before = std::prev(next);
        if (comment) {
            for (auto it = next; it != anchors_.begin();)
                if (--it; old_indent(it->first) == old)
                    return it->second;
            return next == anchors_.end() ? before->second : next->second;
        }
        return moved(old, before->first);
    }

    std::size_t moved(std::size_t old, std::size_t line) const {
        const std::size_t from = old_indent(line);
        const std::size_t to = new_indent(line);
        return old + to >= from ? old + to - from : 0;
    }

    std::string shifted(std::size_t line) const {
        const std::size_t at = first_of(line);
        if (at == lines_[line].end)
            return {};
        return std::string(moved(old_indent(line), literal_.at(line)), ' ') +
               std::string(text_.substr(at, lines_[line].end - at));
    }

    static std::size_t width(std::string_view text) {
        return static_cast<std::size_t>(std::count_if(
            text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
    }

    // A line with a comment behind: it keeps its column where it can.
    std::string with_comment(std::string out, std::size_t line, std::size_t at) const {
        const std::string_view comment = text_.substr(at, lines_[line].end - at);
        while (!out.empty() && is_blank(out.back()))
            out.pop_back();
        const std::size_t column = width(text_.substr(lines_[line].begin, at - lines_[line].begin));
        out.append(std::max(column, width(out) + 1) - width(out), ' ');
        return out.append(comment);
    }

    std::string whole(std::size_t line) const {
        std::size_t at = first_of(line);
        const std::size_t end = lines_[line].end;
        if (inside_scalar(lines_[line].begin)) // goes on from the line before; its blanks are folded, so it may move
            at = std::max(at, lines_[line].begin);
        const std::string_view rest = text_.substr(at, end - at);
        if (rest.starts_with("---") || rest.starts_with("...") || rest.starts_with('%'))
            return std::string(rest);
        std::string out(new_indent(line), ' ');
        if (rest.starts_with('#'))
            return out.append(rest);
        const std::size_t bare = out.size();
        auto scalar = std::upper_bound(scalars_.begin(), scalars_.end(), at,
                                       [](std::size_t place, const Stretch& s) { return place < s.begin; });
        if (scalar != scalars_.begin() && std::prev(scalar)->end > at)
            --scalar;
        while (at < end) {
            if (scalar != scalars_.end() && at >= scalar->begin && at < scalar->end) {
                const std::size_t stop = std::min(scalar->end, end);
                out += text_.substr(at, stop - at);
                at = stop;
                if (at >= scalar->end)
                    ++scalar;
                continue;
            }
            const char c = text_[at];
            const bool begins = out.size() == bare;
            if (c == '#' && (at == 0 || is_blank(text_[at - 1])))
                return with_comment(std::move(out), line, at);
            ++at;
            if (is_blank(c)) {
                if (!begins && out.back() != ' ' && out.back() != '{' && out.back() != '[')
                    out += ' ';
            } else if (c == ',' || c == '}' || c == ']') {
                while (out.size() > bare && out.back() == ' ')
                    out.pop_back();
                out += c;
                if (c == ',')
                    out += ' ';
            } else if (c == ':') {
                while (out.size() > bare && out.back() == ' ')
                    out.pop_back();
                out += ": ";
            } else if (c == '-') {
                out += "- ";
            } else {
                out += c;
            }
        }
        return out;
    }

    std::string_view text_;
    std::vector<Stretch> lines_;
    std::vector<Stretch> scalars_;
    std::map<std::size_t, std::size_t> anchors_; // line → new indentation
    std::map<std::size_t, std::size_t> literal_; // line of a block scalar → line of its header
};

std::optional<Node> parse(const std::string& text, Diagnostics& diagnostics) {
    const LineIndex lines(text, 0);
    if (!check_characters(lines, diagnostics))
        return std::nullopt;
    return parse_yaml(lines, diagnostics);
}

} // namespace

Outcome<std::string> format_yaml(const Sources& sources) {
    std::string text;
    for (const char c : sources.files.at(0).text)
        if (c != '\r')
            text += c;
    Diagnostics diagnostics;
    const std::optional<Node> root = parse(text, diagnostics);
    if (!root || diagnostics.any_error())
        return {std::nullopt, diagnostics.take_sorted()};
    std::string formatted = Formatter(text, *root).run();
    const std::optional<Node> again = parse(formatted, diagnostics);
    if (!again || diagnostics.any_error() || !same(*root, *again)) {
        Diagnostics defect;
        defect.error("fmt.changes-meaning", "the formatted file would not say the same; it is left as it was", {})
            .help = "this is a defect of septum; please report it with the file";
        return {std::nullopt, defect.take_sorted()};
    }
    return {std::move(formatted), {}};
}

} // namespace septum::config
