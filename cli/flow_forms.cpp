// SPDX-License-Identifier: Apache-2.0
#include "cli/flow_forms.hpp"

#include "cli/formats/markup.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <numbers>

namespace septum::cli {
namespace {

using verifier::FlowEdge;
using verifier::FlowView;

// The causes of each pair that flows, in order.
using Pairs = std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<std::string>>;

std::string plain(std::string cause) {
    std::erase(cause, '`');
    return cause;
}

Pairs pairs_of(const FlowView& flow) {
    Pairs pairs;
    for (const FlowEdge& edge : flow.edges)
        pairs[{edge.from, edge.to}].push_back(plain(edge.cause));
    return pairs;
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
    std::string out;
    for (const auto& part : parts)
        out += (out.empty() ? "" : between) + part;
    return out;
}

// Columns, not bytes: an arrow is three bytes and one column.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t to) {
    return text + std::string(to > width(text) ? to - width(text) : 0, ' ');
}

std::string place(const config::Span& span, const config::Sources& sources) {
    if (!span.known() || span.file >= sources.files.size())
        return "";
    return fmt::format("{}:{}", sources.files[span.file].name, span.line);
}

std::string trimmed(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

std::string quoted_dot(const std::string& text) { // DOT language, double-quoted ID
    std::string out = "\"";
    for (const char c : text)
        out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    return out + "\"";
}

struct Point {
    double x;
    double y;
};

constexpr double kNodeWidth = 150;
constexpr double kNodeHeight = 40;

// Where the line from a node's middle towards `to` leaves its box.
Point border(Point from, Point to) {
    const double dx = to.x - from.x;
    const double dy = to.y - from.y;
    const double sx = dx == 0 ? 1e9 : kNodeWidth / 2 / std::abs(dx);
    const double sy = dy == 0 ? 1e9 : kNodeHeight / 2 / std::abs(dy);
    const double s = std::min({sx, sy, 1.0});
    return {from.x + dx * s, from.y + dy * s};
}

} // namespace

std::string flow_text(const FlowView& flow, const config::Sources& sources) {
    std::string out;
    std::size_t first = 0;
    std::size_t second = 0;
    for (const FlowEdge& edge : flow.edges) {
        first = std::max(first, width(flow.nodes[edge.from].name) + width(flow.nodes[edge.to].name) + 3);
        second = std::max(second, width(edge.cause));
    }
    for (const FlowEdge& edge : flow.edges)
        out += trimmed(padded(flow.nodes[edge.from].name + " → " + flow.nodes[edge.to].name, first) + "  " +
                       padded(edge.cause, second) + "  " + place(edge.span, sources));
    const Pairs pairs = pairs_of(flow);
    std::string through;
    for (std::uint32_t from = 0; from < flow.nodes.size(); ++from)
        for (const std::uint32_t to : flow.reachable(from)) {
            if (pairs.count({from, to}) != 0)
                continue;
            std::vector<std::string> way;
            for (const std::uint32_t node : flow.way(from, to))
                way.push_back(flow.nodes[node].name);
            way.erase(way.begin());
            way.pop_back();
            through +=
                fmt::format("{} ⇒ {}  through {}\n", flow.nodes[from].name, flow.nodes[to].name, joined(way, ", "));
        }
    if (out.empty())
        return "nobody flows to anybody\n";
    return out + (through.empty() ? "" : "\nthrough others\n" + through);
}

std::string flow_dot(const FlowView& flow, const std::string& title) {
    std::string out = fmt::format("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted_dot(title));
    for (const auto& node : flow.nodes)
        out += fmt::format("  {}{};\n", quoted_dot(node.name), node.external ? " [style=dashed]" : "");
    for (const auto& [ends, causes] : pairs_of(flow))
        out += fmt::format("  {} -> {} [label={}];\n", quoted_dot(flow.nodes[ends.first].name),
                           quoted_dot(flow.nodes[ends.second].name), quoted_dot(joined(causes, ", ")));
    return out + "}\n";
}

std::string flow_mermaid(const FlowView& flow) {
    std::string out = "flowchart LR\n";
    for (std::size_t i = 0; i < flow.nodes.size(); ++i) {
        const auto& node = flow.nodes[i];
        out += node.external ? fmt::format("  n{}([\"{}\"])\n", i, node.name)
                             : fmt::format("  n{}[\"{}\"]\n", i, node.name);
    }
    for (const auto& [ends, causes] : pairs_of(flow))
        out += fmt::format("  n{} -->|\"{}\"| n{}\n", ends.first, joined(causes, ", "), ends.second);
    return out;
}

std::string flow_svg(const FlowView& flow, const std::string& title) {
    const auto count = static_cast<double>(std::max<std::size_t>(flow.nodes.size(), 1));
    const double radius = std::max(130.0, count * 34);
    const double middle_x = radius * 1.4 + kNodeWidth;
    const double middle_y = radius + kNodeHeight + 40;
    std::vector<Point> at;
    for (std::size_t i = 0; i < flow.nodes.size(); ++i) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(i) / count - std::numbers::pi / 2;
        at.push_back({middle_x + 1.4 * radius * std::cos(angle), middle_y + radius * std::sin(angle)});
    }
    std::string out = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
                                  "width=\"{0:.0f}\" height=\"{1:.0f}\" "
                                  "font-family=\"sans-serif\" font-size=\"13\">\n<title>{2}</title>\n<defs><marker "
                                  "id=\"tip\" viewBox=\"0 0 10 10\" "
                                  "refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path "
                                  "d=\"M0 0L10 5L0 10z\"/></marker>"
                                  "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
                                  2 * middle_x, 2 * middle_y, escape_markup(title));
    for (const auto& [ends, causes] : pairs_of(flow)) {
        // Bent to the left of its direction, so that both directions between two nodes stay apart.
        const Point a = at[ends.first];
        const Point b = at[ends.second];
        const double length = std::max(1.0, std::hypot(b.x - a.x, b.y - a.y));
        const Point bend{(a.x + b.x) / 2 + (b.y - a.y) / length * 28, (a.y + b.y) / 2 - (b.x - a.x) / length * 28};
        const Point from = border(a, bend);
        const Point to = border(b, bend);
        out += fmt::format("<path d=\"M{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}\" fill=\"none\" stroke=\"black\" "
                           "marker-end=\"url(#tip)\"/>\n",
                           from.x, from.y, bend.x, bend.y, to.x, to.y);
        out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" fill=\"#444\">{}</text>\n",
                           (a.x + b.x) / 4 + bend.x / 2, (a.y + b.y) / 4 + bend.y / 2, escape_markup(joined(causes, ", ")));
    }
    for (std::size_t i = 0; i < flow.nodes.size(); ++i)
        out +=
            fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"4\" fill=\"#f4f4f4\" "
                        "stroke=\"black\"{}/>\n<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                        at[i].x - kNodeWidth / 2, at[i].y - kNodeHeight / 2, kNodeWidth, kNodeHeight,
                        flow.nodes[i].external ? " stroke-dasharray=\"5 3\"" : "", at[i].x, at[i].y + 5,
                        escape_markup(flow.nodes[i].name));
    return out + "</svg>\n";
}

} // namespace septum::cli
