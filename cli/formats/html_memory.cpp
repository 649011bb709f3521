// SPDX-License-Identifier: Apache-2.0
// The board's memory: a map to zoom in, and the same as a table.
#include "cli/formats/html.hpp"
#include "cli/formats/markup.hpp"
#include "config/show.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace septum::cli {
namespace {

using nlohmann::ordered_json;

// White text is readable on each.
constexpr const char* kColors[] = {"#1f5fbf", "#1b7a43", "#8a3fa8", "#a8324a", "#6a5a00", "#0f766e",
                                   "#5a4fcf", "#8f4a12", "#3d6b1f", "#a02c86", "#455a78", "#7a3b3b"};

std::string without_ticks(std::string text) {
    std::erase(text, '`');
    return text;
}

std::string seen_text(const Overview& overview, const MapRange& range) {
    if (range.seen_by.empty())
        return "The kernel's alone; no partition reaches it.";
    std::string text;
    for (const auto& seen : range.seen_by)
        text += fmt::format("{}{} {} at guest-physical {}", text.empty() ? "Seen by " : ", ",
                            overview.partitions[seen.partition].name, seen.access, config::show_address(seen.gpa));
    return text + ".";
}

ordered_json segment(const Overview& overview, const MapRange& range, const std::string& label, const char* color) {
    ordered_json entry = {{"base", range.base},
                          {"size", range.size},
                          {"kind", range.kind},
                          {"what", without_ticks(range.what)},
                          {"label", without_ticks(label)},
                          {"seen", range.kind == "usable" ? std::string() : seen_text(overview, range)}};
    if (color != nullptr)
        entry["color"] = color;
    return entry;
}

// What fits into a narrow box: `request` of "channel `request`".
std::string name_of(const MapRange& range) {
    const auto tick = range.what.find('`');
    return range.kind == "ram" ? "RAM" : tick == std::string::npos ? range.what : range.what.substr(tick);
}

struct Lane {
    std::string name;
    ordered_json segments = ordered_json::array();
};

std::vector<Lane> lanes_of(const Overview& overview) {
    std::vector<Lane> lanes(2);
    lanes[0].name = "board RAM";
    for (const auto& range : overview.board_memory)
        lanes[0].segments.push_back(segment(overview, range, "usable RAM", nullptr));
    lanes[1].name = "the kernel";
    for (const auto& range : overview.memory)
        if (range.seen_by.empty())
            lanes[1].segments.push_back(segment(overview, range, range.what, nullptr));
    for (std::uint32_t p = 0; p < overview.partitions.size(); p++) {
        Lane lane;
        lane.name = overview.partitions[p].name;
        for (const auto& range : overview.memory)
            for (const auto& seen : range.seen_by)
                if (seen.partition == p)
                    lane.segments.push_back(segment(overview, range, name_of(range) + " " + seen.access,
                                                    range.kind == "ram" ? kColors[p % std::size(kColors)] : nullptr));
        lanes.push_back(std::move(lane));
    }
    return lanes;
}

std::string map(const std::vector<Lane>& lanes) {
    ordered_json data = {{"lanes", ordered_json::array()}};
    std::string rows;
    for (std::size_t i = 0; i < lanes.size(); i++) {
        data["lanes"].push_back({{"name", lanes[i].name}, {"segments", lanes[i].segments}});
        rows += fmt::format("<div class=\"lane\"><span>{}</span><div class=\"track\" data-lane=\"{}\"></div></div>\n",
                            escape_markup(lanes[i].name), i);
    }
    std::string json = data.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
    for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos; at += 6)
        json.replace(at, 1, "\\u003c");
    return "<div class=\"tools\" role=\"group\" aria-label=\"Memory map\"><button type=\"button\" id=\"zoom-in\">Zoom "
           "in</button><button type=\"button\" id=\"zoom-out\">Zoom out</button><button type=\"button\" "
           "id=\"zoom-all\">All</button><button type=\"button\" id=\"to-scale\" aria-pressed=\"false\">To "
           "scale</button></div>\n<div class=\"map\" id=\"map\"><div class=\"window\" tabindex=\"0\" role=\"group\" "
           "aria-label=\"Memory map. Arrow keys move, plus and minus zoom, 0 shows all. The table below says the "
           "same.\">\n" +
           rows +
           "<div class=\"lane ruler\" aria-hidden=\"true\"><span>host-physical</span><div class=\"track\"></div></div>"
           "</div>\n<div class=\"readout\" id=\"map-readout\" aria-live=\"polite\">Point at a stretch to see whose it "
           "is. Drag to move; with the map in focus, the wheel zooms.</div></div>\n<script "
           "type=\"application/json\" id=\"map-data\">" +
           json + "</script>\n";
}

} // namespace

std::string memory_section(const Overview& overview) {
    std::string text = "<section aria-labelledby=\"memory\"><h2 id=\"memory\">Memory</h2>\n";
    if (!overview.from_bytes)
        return text + "<p>No bytes were judged, so nothing has a place yet. What each partition is to see is under <a "
                      "href=\"#partitions\">partitions</a>; <code>septum verify appliance.yaml image.iso --format "
                      "html</code> shows the memory map of an image.</p></section>\n";
    text += "<p>Who reaches what of the board's memory, as decoded from the nested page tables in the bytes that ship. "
            "Stretches are drawn so that each can be seen; <i>To scale</i> draws them by their size.</p>\n";
    text += map(lanes_of(overview));
    std::string rows;
    for (const auto& range : overview.memory) {
        std::string seen;
        for (const auto& entry : range.seen_by)
            seen += fmt::format("{}{} <code>{}</code> at <span class=\"num\">{}</span>", seen.empty() ? "" : "<br>",
                                escape_markup(overview.partitions[entry.partition].name), entry.access,
                                config::show_address(entry.gpa));
        rows += fmt::format("<tr><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><th "
                            "scope=\"row\">{}</th><td>{}</td><td><button type=\"button\" data-show=\"{}\" "
                            "aria-label=\"Show {} on the map\">Show</button></td></tr>\n",
                            config::show_address(range.base), config::show_address(range.base + range.size),
                            bytes_text(range.size), words(range.what), seen.empty() ? "kernel only" : seen, range.base,
                            escape_markup(without_ticks(range.what)));
    }
    return text + table("Memory of the board", "", {"from", "to", "size", "what", "seen by", "map"}, rows) +
           "</section>\n";
}

} // namespace septum::cli
