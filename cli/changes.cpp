// SPDX-License-Identifier: Apache-2.0
// What became of each item between two sides.
#include "cli/compared.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <tuple>

namespace septum::cli {

using Kind = Change::Kind;

const char* name(Kind kind) {
    switch (kind) {
    case Kind::added:
        return "added";
    case Kind::removed:
        return "removed";
    case Kind::widened:
        return "widened";
    case Kind::narrowed:
        return "narrowed";
    case Kind::reachable:
        return "reachable";
    case Kind::unreachable:
        break;
    }
    return "unreachable";
}

namespace {

std::string place(const config::Span& span, const config::Sources& sources) {
    return span.known() && span.file < sources.files.size()
               ? fmt::format("{}:{}", sources.files[span.file].name, span.line)
               : "";
}

// ":size=8KiB", ":of=BAR-0-of-01:00.0": who approves a gain approves that much and no more. No blank, as one ends an
// id.
std::string amount_id(const std::string& name, const Amount& amount) {
    std::string text = amount.text;
    std::erase(text, '`');
    if (!text.empty() && text[0] >= '0' && text[0] <= '9')
        std::erase(text, ' ');
    text = name + "=" + text;
    std::replace(text.begin(), text.end(), ' ', '-');
    return ":" + text;
}

// The same for something new. Of very many amounts the id has a sum (FNV-1a), as each of them counts.
std::string amounts_id(const std::map<std::string, Amount>& amounts) {
    constexpr std::size_t kMostSaid = 8;
    std::string all;
    for (const auto& [name, amount] : amounts)
        all += amount_id(name, amount);
    if (amounts.size() <= kMostSaid)
        return all;
    std::uint64_t sum = 0xCBF2'9CE4'8422'2325;
    for (const char c : all)
        sum = (sum ^ static_cast<unsigned char>(c)) * 0x100'0000'01B3;
    return fmt::format(":sum={:016x}", sum);
}

Change change(Kind kind, const std::string& key, const Granted& item, const Side& side, bool gain) {
    return {kind,      std::string(name(kind)) + ":" + key, item.kind, item.subject,
            item.what, place(item.span, side.sources),      gain};
}

// The amounts that differ; a side that lacks one has nothing of it.
void compare_amounts(const std::string& key, const Granted& before, const Granted& after, const Side& side,
                     std::vector<Change>& out) {
    std::set<std::string> names;
    for (const auto& [name, amount] : before.amounts)
        names.insert(name);
    for (const auto& [name, amount] : after.amounts)
        names.insert(name);
    for (const auto& name : names) {
        const auto was = before.amounts.find(name);
        const auto is = after.amounts.find(name);
        const Amount a = was == before.amounts.end() ? Amount{0, "none"} : was->second;
        const Amount b = is == after.amounts.end() ? Amount{0, "none"} : is->second;
        if (a.text == b.text)
            continue;
        // The same rank and another text is another right, and so a gain as well.
        const bool wider = a.bits || b.bits ? (b.rank & ~a.rank) != 0 : b.rank >= a.rank;
        Change c = change(wider ? Kind::widened : Kind::narrowed, key + amount_id(name, b), after, side, wider);
        const bool said = name == "access" || name == "size";
        c.what += fmt::format("  {}{} → {}", said ? "" : name + " ", a.text, b.text);
        out.push_back(std::move(c));
    }
}

// By name: the two sides number their nodes apart.
std::map<std::pair<std::string, std::string>, std::vector<std::string>> closure(const verifier::FlowView& flow) {
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> out;
    for (std::uint32_t from = 0; from < flow.nodes.size(); ++from)
        for (const std::uint32_t to : flow.reachable(from)) {
            std::vector<std::string> between;
            for (const std::uint32_t node : flow.way(from, to))
                between.push_back(flow.nodes[node].name);
            between.erase(between.begin());
            between.pop_back();
            out.emplace(std::pair(flow.nodes[from].name, flow.nodes[to].name), std::move(between));
        }
    return out;
}

void compare_reach(const Side& before, const Side& after, std::vector<Change>& out) {
    const auto was = closure(before.flow);
    const auto is = closure(after.flow);
    const auto add = [&](Kind kind, const auto& pair, const std::vector<std::string>& between, bool gain) {
        Change c;
        c.kind = kind;
        c.of = Granted::Kind::flow;
        c.id = fmt::format("{}:flow:{}:{}", name(kind), pair.first, pair.second);
        c.subject = pair.first + " ⇒ " + pair.second;
        for (const auto& name : between)
            c.what += (c.what.empty() ? "through " : ", ") + name;
        c.gain = gain;
        out.push_back(std::move(c));
    };
    // A direct flow that is new says so itself.
    for (const auto& [pair, between] : is)
        if (was.count(pair) == 0 && !between.empty())
            add(Kind::reachable, pair, between, true);
    for (const auto& [pair, between] : was)
        if (is.count(pair) == 0 && !between.empty())
            add(Kind::unreachable, pair, between, false);
}

} // namespace

Changes compare(const Side& old_side, const Side& new_side) {
    Changes out;
    for (const auto& [key, item] : new_side.items) {
        const auto before = old_side.items.find(key);
        if (before == old_side.items.end()) {
            out.all.push_back(change(Kind::added, key + amounts_id(item.amounts), item, new_side,
                                     item.kind != Granted::Kind::promise));
            continue;
        }
        const std::size_t count = out.all.size();
        compare_amounts(key, before->second, item, new_side, out.all);
        if (count == out.all.size() && item.kind != Granted::Kind::promise)
            ++(item.kind == Granted::Kind::flow ? out.unchanged_flows : out.unchanged_grants);
    }
    for (const auto& [key, item] : old_side.items)
        if (new_side.items.count(key) == 0)
            out.all.push_back(change(Kind::removed, key, item, old_side, item.kind == Granted::Kind::promise));
    std::sort(out.all.begin(), out.all.end(),
              [](const Change& a, const Change& b) { return std::tie(a.of, a.id) < std::tie(b.of, b.id); });
    std::vector<Change> reach;
    compare_reach(old_side, new_side, reach);
    out.all.insert(out.all.end(), std::make_move_iterator(reach.begin()), std::make_move_iterator(reach.end()));
    return out;
}

} // namespace septum::cli
