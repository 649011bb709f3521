// SPDX-License-Identifier: Apache-2.0
#include "cli/side_parts.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

std::string size_text(std::uint64_t bytes) {
    constexpr std::uint64_t kKiB = 1024;
    if (bytes != 0 && bytes % (kKiB * kKiB) == 0)
        return fmt::format("{} MiB", bytes / (kKiB * kKiB));
    return bytes % kKiB == 0 ? fmt::format("{} KiB", bytes / kKiB) : fmt::format("{} bytes", bytes);
}

} // namespace

void Side::add(const std::string& key, Granted item) {
    std::string free = key;
    for (unsigned n = 2; items.count(free) != 0; ++n)
        free = fmt::format("{}#{}", key, n);
    items.emplace(std::move(free), std::move(item));
}

std::string ticked(const std::string& name) {
    return "`" + name + "`";
}

std::string without_ticks(std::string text) {
    std::erase(text, '`');
    std::replace(text.begin(), text.end(), ' ', '-');
    return text;
}

std::string requester_text(std::uint32_t id) {
    return fmt::format("{:02x}:{:02x}.{}", id >> 8, id >> 3 & 31, id & 7);
}

Amount size_of(std::uint64_t bytes) {
    return {bytes, size_text(bytes)};
}
Amount count_of(std::uint64_t n) {
    return {n, std::to_string(n)};
}
Amount yes_no(bool yes) {
    return {yes ? 1U : 0U, yes ? "yes" : "no"};
}

Amount access_of(const std::string& access) {
    constexpr std::string_view kRights = "rwx";
    std::uint64_t rights = 0;
    std::string text;
    for (std::size_t i = 0; i < kRights.size(); ++i)
        if (access.find(kRights[i]) != std::string::npos) {
            rights |= 1U << i;
            text += static_cast<char>(kRights[i] - 'a' + 'A');
        }
    return {rights, text.empty() ? "none" : text, true};
}

Amount bits_of(std::uint64_t bits) {
    return {bits, fmt::format("{:#x}", bits), true};
}

Amount which(std::string text) {
    return {1, std::move(text)};
}

Amount conduct_of(const std::string& answer) {
    return {answer == "stop" ? 0U : answer == "restart" ? 1U : 2U, answer};
}

Granted grant(const std::string& subject, std::string what, const config::Span& span) {
    Granted item;
    item.subject = subject;
    item.what = std::move(what);
    item.span = span;
    return item;
}

Granted promise(const std::string& subject, std::string what, const config::Span& span) {
    Granted item = grant(subject, std::move(what), span);
    item.kind = Granted::Kind::promise;
    return item;
}

void add_flows(Side& side) {
    for (const auto& edge : side.flow.edges) {
        const std::string& from = side.flow.nodes[edge.from].name;
        const std::string& to = side.flow.nodes[edge.to].name;
        Granted item = grant(from + " → " + to, edge.cause, edge.span);
        item.kind = Granted::Kind::flow;
        side.add("flow:" + from + ":" + to + ":" + without_ticks(edge.cause), std::move(item));
    }
}

} // namespace septum::cli
