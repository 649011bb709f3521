// SPDX-License-Identifier: Apache-2.0
// The flow graph as a picture: everybody on an ellipse, arrows bent so that both directions can be told apart.
#include "cli/formats/html.hpp"
#include "cli/formats/markup.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numbers>

namespace septum::cli {
namespace {

constexpr std::size_t kMostIndirect = 24; // more dotted arrows than this hide more than they show

struct Point {
    double x = 0;
    double y = 0;
};

class Picture {
public:
    explicit Picture(const Overview& overview) : overview_(overview) {
        const auto count = static_cast<double>(overview.nodes.size());
        std::size_t longest = 4;
        for (const auto& name : overview.nodes)
            longest = std::max(longest, name.size());
        half_ = static_cast<double>(longest) * 4.4 + 16;
        radius_x_ = std::max(230.0, count * 20);
        radius_y_ = std::max(120.0, count * 17);
        width_ = 2 * (radius_x_ + half_ + 24);
        height_ = 2 * (radius_y_ + 56);
        for (std::size_t i = 0; i < overview.nodes.size(); i++) {
            // Two lie side by side; more begin at the left and go round clockwise.
            const double angle = std::numbers::pi + 2 * std::numbers::pi * static_cast<double>(i) / count;
            at_.push_back({width_ / 2 + radius_x_ * std::cos(angle), height_ / 2 + radius_y_ * std::sin(angle)});
        }
    }

    std::string draw() const {
        std::string text = fmt::format(
            "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" "
            "aria-label=\"{2}\"><defs>"
            "<marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" "
            "orient=\"auto\"><path d=\"M0 0L10 5L0 10z\"/></marker>"
            "<marker id=\"soft-tip\" class=\"soft\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" "
            "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\"/></marker></defs>\n",
            width_, height_, escape_markup(in_words()));
        if (overview_.paths.size() <= kMostIndirect)
            for (const auto& path : overview_.paths)
                if (!direct(path.from, path.to))
                    text += edge(path.from, path.to, "through", "");
        for (const auto& flow : overview_.flows) {
            const auto& causes = flow.declared.empty() ? flow.granted : flow.declared;
            std::string label = causes.front();
            if (causes.size() > 1)
                label += fmt::format(" and {} more", causes.size() - 1);
            const char* const kind = flow.declared.empty()                          ? "granted"
                                     : overview_.from_bytes && flow.granted.empty() ? "declared"
                                                                                    : "both";
            text += edge(flow.from, flow.to, kind, label);
        }
        for (std::size_t i = 0; i < at_.size(); i++)
            text +=
                fmt::format("<g class=\"node{}\" data-node=\"{}\" data-nodes=\"{}\"><rect x=\"{:.1f}\" y=\"{:.1f}\" "
                            "width=\"{:.1f}\" height=\"38\" rx=\"9\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>\n",
                            i < overview_.partitions.size() ? "" : " external", i, i, at_[i].x - half_, at_[i].y - 19,
                            2 * half_, at_[i].x, at_[i].y, escape_markup(overview_.nodes[i]));
        return text + "</svg>";
    }

private:
    bool direct(std::uint32_t from, std::uint32_t to) const {
        return std::any_of(overview_.flows.begin(), overview_.flows.end(),
                           [&](const FlowEdge& flow) { return flow.from == from && flow.to == to; });
    }

    std::string in_words() const {
        std::string text;
        for (const auto& flow : overview_.flows)
            text += fmt::format("{}{} flows to {}", text.empty() ? "" : "; ", overview_.nodes[flow.from],
                                overview_.nodes[flow.to]);
        return text.empty() ? "nobody flows to anybody" : text;
    }

    // Where the line from `outside` to the box's middle meets the box, with a little air.
    Point border(Point box, Point outside) const {
        const double dx = outside.x - box.x;
        const double dy = outside.y - box.y;
        const double by_x = dx == 0 ? 1e9 : (half_ + 4) / std::abs(dx);
        const double by_y = dy == 0 ? 1e9 : 23 / std::abs(dy);
        const double part = std::min({by_x, by_y, 1.0});
        return {box.x + dx * part, box.y + dy * part};
    }

    std::string edge(std::uint32_t from, std::uint32_t to, const char* kind, const std::string& label) const {
        const Point a = at_[from];
        const Point b = at_[to];
        const double length = std::max(1.0, std::hypot(b.x - a.x, b.y - a.y));
        const double bend = std::min(46.0, length * 0.22) + (std::string_view(kind) == "through" ? 16 : 0);
        // To the left of the way, so that the way back is on the other side.
        const Point knee{(a.x + b.x) / 2 + (b.y - a.y) / length * bend, (a.y + b.y) / 2 - (b.x - a.x) / length * bend};
        const Point start = border(a, knee);
        const Point end = border(b, knee);
        // Where the words stand; of two steep ways, each nearer to where it begins and beside it, away from the other:
        // on the ways there is no room for both.
        const bool beside = std::abs(b.y - a.y) > std::abs(b.x - a.x) && direct(to, from);
        const double t = beside ? 0.3 : 0.5;
        const auto on_curve = [t](double first, double second, double third) {
            return (1 - t) * (1 - t) * first + 2 * t * (1 - t) * second + t * t * third;
        };
        Point middle{on_curve(start.x, knee.x, end.x), on_curve(start.y, knee.y, end.y)};
        std::string text = fmt::format("<g class=\"edge {}\" data-nodes=\"{} {}\"><path marker-end=\"url(#{}tip)\" "
                                       "d=\"M{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}\"/>",
                                       kind, from, to, std::string_view(kind) == "through" ? "soft-" : "", start.x,
                                       start.y, knee.x, knee.y, end.x, end.y);
        if (!label.empty()) {
            std::string plain;
            for (const char c : label)
                if (c != '`')
                    plain += c;
            const double half = static_cast<double>(plain.size()) * 3.4 + 3;
            if (beside)
                middle.x += (b.y > a.y ? 1 : -1) * (half + 5);
            text += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"16\"/><text x=\"{:.1f}\" "
                                "y=\"{:.1f}\">{}</text>",
                                middle.x - half, middle.y - 8, 2 * half, middle.x, middle.y, escape_markup(plain));
        }
        return text + "</g>\n";
    }

    const Overview& overview_;
    double half_ = 0; // of a node's width
    double radius_x_ = 0;
    double radius_y_ = 0;
    double width_ = 0;
    double height_ = 0;
    std::vector<Point> at_;
};

} // namespace

std::string flow_picture(const Overview& overview) {
    return Picture(overview).draw();
}

} // namespace septum::cli
