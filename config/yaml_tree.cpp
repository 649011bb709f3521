// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_tree.hpp"

#include "config/yaml_end.hpp"
#include "config/yaml_syntax.hpp"

#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <istream>
#include <streambuf>
#include <unordered_map>
#include <utility>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace septum::config {

namespace {

// Thrown through yaml-cpp to leave it early, after the reason was said.
struct Stop {};

// A stream over text that stays where it is.
class TextBuffer : public std::streambuf {
public:
    explicit TextBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data()); // streambuf's interface; it only reads
        setg(begin, begin, begin + text.size());
    }
};

class TreeBuilder : public YAML::EventHandler {
public:
    TreeBuilder(const LineIndex& lines, Diagnostics& diagnostics) : lines_(lines), diagnostics_(diagnostics) {}

    std::optional<Node> take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (!first_) {
            const std::size_t at = offset(mark);
            // yaml-cpp also begins a new document behind a complete value: `{a: b} c`.
            if (!lines_.text().substr(at).starts_with("---")) {
                diagnostics_.error("yaml.syntax", "this is not YAML: text after the end of the document", word(at),
                                   "the document is complete before this");
                throw Stop{};
            }
            diagnostics_
                .error("yaml.second-document", "the file holds a second document", lines_.span(at, at + 3),
                       "it starts here")
                .help = "one file describes one appliance or one board; remove the `---`";
            throw Stop{};
        }
        first_ = false;
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const std::size_t at = offset(mark);
        refuse_properties(at, "?", anchor);
        Node node;
        node.begin = node.end = at;
        const bool is_value = !open_.empty() && open_.back().kind == Node::Kind::mapping && key_pending();
        const std::size_t known_end = open_.empty() ? 0 : inner_end(open_.back());
        const std::size_t length = at >= known_end ? null_length(lines_.text(), at) : 0;
        if (length != 0) {
            node.end = at + length;
        } else if (is_value) { // nothing is written: the key shows the place
            node.begin = open_.back().keys.back().begin;
            node.end = open_.back().keys.back().end;
        } else if (!open_.empty()) {
            node.begin = next_dash(lines_.text(), known_end);
            node.end = node.begin + 1;
        }
        add(std::move(node));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        say_alias(mark);
        throw Stop{};
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Node node;
        node.kind = Node::Kind::scalar;
        node.begin = offset(mark);
        refuse_properties(node.begin, tag, anchor);
        node.quoted = tag == "!";
        node.text = value;
        node.end = scalar_end(lines_.text(), node.begin, value);
        if (node.end == kNotClosed) { // yaml-cpp takes the end of the file for the quote
            diagnostics_
                .error("yaml.syntax", "this is not YAML: a quoted text is not closed",
                       lines_.span(node.begin, node.begin + 1), "opened here")
                .help = "close it with the quote it was opened with";
            throw Stop{};
        }
        add(std::move(node));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override {
        open(Node::Kind::list, mark, tag, anchor, style);
    }
    void OnSequenceEnd() override { close(']'); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override {
        open(Node::Kind::mapping, mark, tag, anchor, style);
    }
    void OnMapEnd() override { close('}'); }

    void say_alias(const YAML::Mark& mark) {
        diagnostics_.error("yaml.alias", "aliases are not allowed", word(offset(mark)), "an alias").help =
            "write the value again: what a line grants must be readable on that line";
    }

    // Where the innermost `[` or `{` stands that is open still.
    [[nodiscard]] std::optional<std::size_t> innermost_bracket() const {
        if (open_.empty() || !open_.back().flow)
            return std::nullopt;
        return open_.back().begin;
    }

    [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const { return lines_.offset(mark.line, mark.column); }

private:
    struct Open : Node {
        bool flow = false;
        std::unordered_map<std::string, std::size_t> index; // key → position, to find duplicates
        bool skip_value = false;                            // the pending key is a duplicate: its value is dropped
    };

    [[nodiscard]] bool key_pending() const { return open_.back().keys.size() > open_.back().items.size(); }

    // Where the part of an open collection that was read so far ends.
    static std::size_t inner_end(const Node& node) {
        std::size_t end = node.begin;
        if (!node.items.empty())
            end = std::max(end, node.items.back().end);
        if (!node.keys.empty())
            end = std::max(end, node.keys.back().end);
        return end;
    }

    [[nodiscard]] Span word(std::size_t at) const {
        const std::string_view text = lines_.text();
        std::size_t end = std::min(at + 1, text.size());
        while (end < text.size() && std::string_view(" \t\r\n,]}").find(text[end]) == std::string_view::npos)
            ++end;
        return lines_.span(at, end);
    }

    // yaml-cpp marks a node with properties at the first of them.
    void refuse_properties(std::size_t at, const std::string& tag, YAML::anchor_t anchor) {
        const std::string_view text = lines_.text();
        const char first = at < text.size() ? text[at] : '\0';
        if (anchor != 0) {
            diagnostics_.error("yaml.anchor", "anchors are not allowed", word(at), "an anchor").help =
                "remove it; each value is written where it is used";
            throw Stop{};
        }
        const bool tagged = tag != "?" && tag != "!" && !tag.empty();
        if (tagged || first == '!') {
            diagnostics_.error("yaml.tag", "tags are not allowed", word(at), "a tag").help =
                "remove it; the key says what type its value has";
            throw Stop{};
        }
    }

    void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              YAML::EmitterStyle::value style) {
        Open node;
        node.kind = kind;
        node.begin = offset(mark);
        refuse_properties(node.begin, tag, anchor);
        if (open_.size() >= kDeepestNesting) {
            diagnostics_.error("yaml.too-deep", fmt::format("nested deeper than {} levels", kDeepestNesting),
                               lines_.span(node.begin, node.begin + 1), "one level too many");
            throw Stop{};
        }
        const std::string_view text = lines_.text();
        const char first = node.begin < text.size() ? text[node.begin] : '\0';
        node.flow = style == YAML::EmitterStyle::Flow && first == (kind == Node::Kind::list ? '[' : '{');
        open_.push_back(std::move(node));
    }

    void close(char closing) {
        Open done = std::move(open_.back());
        open_.pop_back();
        const std::size_t inner = inner_end(done);
        done.end = done.flow ? flow_end(lines_.text(), std::max(inner, done.begin + 1), closing) : inner;
        add(static_cast<Node&&>(done));
    }

    void add(Node node) {
        node.span = lines_.span(node.begin, node.end);
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (parent.kind == Node::Kind::list)
            parent.items.push_back(std::move(node));
        else if (key_pending())
            add_value(parent, std::move(node));
        else
            add_key(parent, std::move(node));
    }

    void add_key(Open& parent, Node key) {
        if (key.kind != Node::Kind::scalar) {
            diagnostics_.error("yaml.key-type", fmt::format("a key must be a word, found {}", describe(key)), key.span,
                               "not a word");
            parent.skip_value = true;
        } else if (const auto [it, fresh] = parent.index.try_emplace(key.text, parent.keys.size()); !fresh) {
            Diagnostic& duplicate = diagnostics_.error(
                "yaml.duplicate-key", fmt::format("{} is written twice in one mapping", tick(key.text)), key.span,
                "again here");
            duplicate.related.push_back({parent.keys[it->second].span, "first here"});
            duplicate.help = "remove one of them";
            parent.skip_value = true;
        }
        parent.keys.push_back(std::move(key));
    }

    static void add_value(Open& parent, Node value) {
        if (!std::exchange(parent.skip_value, false)) {
            parent.items.push_back(std::move(value));
            return;
        }
        parent.keys.pop_back();
        // The dropped entry still is part of the text: what is read next begins behind it.
        if (!parent.items.empty())
            parent.items.back().end = std::max(parent.items.back().end, value.end);
    }

    const LineIndex& lines_;
    Diagnostics& diagnostics_;
    std::vector<Open> open_;
    std::optional<Node> root_;
    bool first_ = true;
};

// Where a line's own text begins, and how many blanks stand before it.
struct Indented {
    std::size_t begin;
    std::size_t blanks;
};

Indented line_at(std::string_view text, std::size_t place) {
    const std::size_t start = place == 0 ? 0 : text.rfind('\n', place - 1) + 1;
    const std::size_t first = std::min(text.find_first_not_of(' ', start), text.size());
    return {first, first - start};
}

// Whether the line that begins at `start` is written as the item of a list above it, without its dash.
bool lacks_dash(std::string_view text, std::size_t start) {
    if (start == 0)
        return false;
    const Indented here = line_at(text, start);
    const Indented above = line_at(text, start - 1);
    return here.blanks == above.blanks && text.substr(above.begin).starts_with("- ") &&
           !text.substr(here.begin).starts_with("-");
}

// The line that holds `at`, and the nearest one before it that is neither empty nor a comment, when the first is a key
// that stands deeper than the second, which has its value already: a slip of the space bar.
std::optional<std::pair<Indented, Indented>> too_deep(std::string_view text, std::size_t at) {
    const Indented key = line_at(text, at);
    const std::size_t colon = text.find(':', key.begin);
    if (colon == std::string_view::npos || (at != key.begin && at != colon) ||
        text.substr(key.begin, colon - key.begin).find_first_of(" \t\r\n\"'") != std::string_view::npos)
        return std::nullopt;
    for (std::size_t start = key.begin - key.blanks; start != 0;) {
        const Indented above = line_at(text, start - 1);
        start = above.begin - above.blanks;
        const std::string_view words = text.substr(above.begin, text.find_first_of("\r\n", above.begin) - above.begin);
        if (words.empty() || words.starts_with('#'))
            continue;
        const std::size_t mark = words.find(": ");
        const std::size_t value = mark == std::string_view::npos ? mark : words.find_first_not_of(' ', mark + 1);
        if (value == std::string_view::npos || words[value] == '#' || above.blanks >= key.blanks)
            return std::nullopt;
        return std::pair{key, above};
    }
    return std::nullopt;
}

void say_syntax(const YAML::Exception& error, const LineIndex& lines, const TreeBuilder& builder,
                Diagnostics& diagnostics) {
    const std::size_t at = error.mark.is_null() ? lines.text().size() : builder.offset(error.mark);
    const SyntaxWords words = explain_syntax(error.msg);
    const std::string_view text = lines.text();
    if (const auto lines_of = too_deep(text, at)) {
        const auto& [key, above] = *lines_of;
        const std::size_t colon = text.find(':', key.begin);
        Diagnostic& deep = diagnostics.error(
            "yaml.syntax",
            fmt::format("this is not YAML: {} is indented by {}, the line above it by {} and has its value already",
                        tick(text.substr(key.begin, colon - key.begin)), key.blanks, above.blanks),
            lines.span(key.begin, colon), "too deep");
        deep.related.push_back({lines.span(above.begin, text.find(':', above.begin)), "a key of the same mapping?"});
        deep.help = "indent both alike";
        return;
    }
    const bool at_end = at >= text.size() || text[at] == '\n' || text[at] == '\r';
    Diagnostic& syntax = diagnostics.error(
        "yaml.syntax", "this is not YAML: " + (words.message.empty() ? tick(error.msg) : std::string(words.message)),
        lines.span(at, at_end ? at : at + 1), "here or just before");
    syntax.help = words.help;
    if (const std::optional<std::size_t> bracket = builder.innermost_bracket(); bracket && *bracket != at)
        syntax.related.push_back({lines.span(*bracket, *bracket + 1), "opened here"});
    const std::size_t line_start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    const std::size_t first = text.find_first_not_of(' ', line_start);
    if (at == first && lacks_dash(text, line_start))
        syntax.help = "begin it with `- ` as the item above it begins";
    if (first != std::string_view::npos && text[first] == '\t')
        syntax.help = "indent with spaces; YAML does not allow tabs there";
}

} // namespace

std::string describe(const Node& node) {
    switch (node.kind) {
    case Node::Kind::null:
        return "nothing";
    case Node::Kind::list:
        return "a list";
    case Node::Kind::mapping:
        return "a mapping";
    case Node::Kind::scalar:
        return node.quoted ? fmt::format("the text {}", tick(node.text)) : tick(node.text);
    }
    return "something else";
}

std::optional<Node> parse_yaml(const LineIndex& lines, Diagnostics& diagnostics) {
    TreeBuilder builder(lines, diagnostics);
    try {
        TextBuffer buffer(lines.text());
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder)) {
            diagnostics.error("yaml.empty", "the file is empty", lines.span(0, 0));
            return std::nullopt;
        }
        parser.HandleNextDocument(builder); // only to see that there is none
    } catch (const Stop&) {
        return std::nullopt;
    } catch (const YAML::Exception& error) {
        if (error.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
            builder.say_alias(error.mark);
            return std::nullopt;
        }
        say_syntax(error, lines, builder, diagnostics);
        return std::nullopt;
    } catch (const std::exception& error) {
        diagnostics.error("yaml.syntax", fmt::format("this cannot be read as YAML: {}", error.what()),
                          lines.span(0, 0));
        return std::nullopt;
    }
    return builder.take_root();
}

bool is_mapping(const Node& root, std::string_view what, Diagnostics& diagnostics) {
    if (root.kind == Node::Kind::mapping)
        return true;
    diagnostics.error("yaml.not-a-mapping", fmt::format("{} expects a mapping, found {}", what, describe(root)),
                      root.span, "not a mapping");
    return false;
}

} // namespace septum::config
