// SPDX-License-Identifier: Apache-2.0
#include "config/read_health.hpp"

#include "config/fields.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace septum::config {

namespace {

constexpr std::uint32_t kDefaultAttempts = 3;
constexpr std::uint64_t kMostAttempts = 1000;
constexpr std::uint32_t kLongestBackoff = 60'000; // ms; 64 times as long at most
constexpr std::uint32_t kShortestHeartbeat = 10;  // ms: four looks in it, each an exit of one CPU
constexpr std::uint32_t kLongestHeartbeat = 3'600'000;
constexpr std::uint64_t kMostComparators = 32; // HPET 1.0a §2.3.4: NUM_TIM_CAP has five bits

// By Cause.
constexpr std::array<std::string_view, kCauses> kCauseKeys{"triple-fault", "forbidden", "unanswerable",
                                                           "watchdog",     "shutdown",  "reset"};

std::optional<FaultAction> read_action(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    static constexpr std::array<std::pair<std::string_view, FaultAction>, 3> kActions{
        {{"stop", FaultAction::stop}, {"restart", FaultAction::restart}, {"halt-system", FaultAction::halt_system}}};
    for (const auto& [word, action] : kActions)
        if (node.kind == Node::Kind::scalar && node.text == word)
            return action;
    Diagnostic& wrong = wrong_type(node, key, "`stop`, `restart` or `halt-system`", diagnostics);
    if (node.kind == Node::Kind::scalar)
        wrong.help = did_you_mean(node.text, {"stop", "restart", "halt-system"}, "");
    return std::nullopt;
}

// The causes that follow the one word of `on_fault`; what a guest asks for itself does not.
void follow_action(OnFault& on_fault) {
    for (const Cause cause : {Cause::triple_fault, Cause::forbidden, Cause::unanswerable, Cause::watchdog})
        on_fault.by_cause[static_cast<std::size_t>(cause)] = on_fault.action;
}

// Every cause but the guest's own reset is counted.
bool counts(const OnFault& on_fault) {
    return std::any_of(on_fault.by_cause.begin(), on_fault.by_cause.begin() + static_cast<int>(Cause::reset),
                       [](FaultAction action) { return action == FaultAction::restart; });
}

void say_without_restart(const Fields& fields, std::string id, std::string_view key, std::string label,
                         Diagnostics& diagnostics) {
    diagnostics.error(std::move(id),
                      fmt::format("{} goes with `restart` only, found {}", tick(key), describe(*fields.find("action"))),
                      fields.key_span(key), std::move(label));
}

} // namespace

OnFault read_on_fault(const Node& node, Span key, Diagnostics& diagnostics) {
    OnFault on_fault;
    on_fault.span = node.span;
    if (node.kind != Node::Kind::mapping) {
        on_fault.action = read_action(node, "on_fault", diagnostics).value_or(FaultAction::stop);
        on_fault.attempts = on_fault.action == FaultAction::restart ? kDefaultAttempts : 0;
        follow_action(on_fault);
        return on_fault;
    }
    std::vector<Key> keys{{"action", true}, {"attempts"}, {"backoff"}};
    for (const std::string_view cause : kCauseKeys)
        keys.push_back({cause});
    const Fields fields(node, "`on_fault`", key, keys, diagnostics);
    const std::size_t before = diagnostics.size();
    if (const Node* action = fields.find("action"))
        on_fault.action = read_action(*action, "action", diagnostics).value_or(FaultAction::stop);
    follow_action(on_fault);
    for (std::size_t i = 0; i < kCauses; ++i)
        if (const Node* answer = fields.find(kCauseKeys[i]))
            on_fault.by_cause[i] = read_action(*answer, kCauseKeys[i], diagnostics).value_or(on_fault.by_cause[i]);
    const bool known = diagnostics.size() == before && fields.find("action") != nullptr;
    const bool counted = counts(on_fault);
    on_fault.attempts = counted ? kDefaultAttempts : 0;
    if (const Node* attempts = fields.find("attempts")) {
        const auto count = read_integer(*attempts, "attempts", 1, kMostAttempts, diagnostics);
        if (known && !counted)
            say_without_restart(fields, "config.attempts-without-restart", "attempts", "restarts that never happen",
                                diagnostics);
        else
            on_fault.attempts = static_cast<std::uint32_t>(count.value_or(kDefaultAttempts));
    }
    if (const Node* backoff = fields.find("backoff")) {
        const auto pause = read_duration(*backoff, "backoff", 1, kLongestBackoff, diagnostics);
        if (known && !counted)
            say_without_restart(fields, "config.backoff-without-restart", "backoff",
                                "a pause before restarts that never happen", diagnostics);
        else
            on_fault.backoff_ms = pause.value_or(0);
    }
    return on_fault;
}

void read_heartbeat(const Node& node, const Board* board, Partition& partition, Diagnostics& diagnostics) {
    const auto longest = read_duration(node, "heartbeat", kShortestHeartbeat, kLongestHeartbeat, diagnostics);
    if (!longest)
        return;
    partition.heartbeat_ms = {*longest, node.span};
    if (board != nullptr && !board->watchdog)
        diagnostics
            .error("config.no-watchdog",
                   fmt::format("board {} has no watchdog, so nobody would miss a heartbeat of {}",
                               tick(board->name.value), tick(partition.name.value)),
                   node.span, "watched by nobody")
            .help = "leave `heartbeat` out, or state the board's HPET in its file: "
                    "`watchdog: {hpet: ADDRESS, comparator: N}`";
}

void check_watchdog_answer(const Node& on_fault, const Partition& partition, Diagnostics& diagnostics) {
    if (on_fault.kind != Node::Kind::mapping || partition.heartbeat_ms)
        return;
    for (const Node& key : on_fault.keys)
        if (key.text == "watchdog")
            diagnostics
                .error("config.watchdog-without-heartbeat",
                       fmt::format("{} answers to a missing heartbeat, but promises none", tick(partition.name.value)),
                       key.span, "never happens")
                .help = "add `heartbeat: 500 ms`, or leave `watchdog` out";
}

void read_legacy(const Node& node, Partition& partition, Diagnostics& diagnostics) {
    if (!expect_list(node, "legacy", "a list such as `[pit]`", diagnostics))
        return;
    for (const Node& item : node.items) {
        if (item.kind != Node::Kind::scalar || item.text != "pit") {
            wrong_type(item, "legacy", "`pit`", diagnostics);
            continue;
        }
        if (partition.pit)
            diagnostics.error("config.legacy-twice", "`pit` is listed twice", item.span, "again here");
        partition.pit = true;
        constexpr std::array<std::pair<std::uint16_t, std::uint16_t>, 2> kPorts{{{0x40, 0x43}, {0x61, 0x61}}};
        for (std::size_t i = 0; i < partition.ports_first.size(); ++i)
            for (const auto& [first, last] : kPorts)
                if (partition.ports_first[i].value <= last && partition.ports_last[i].value >= first)
                    diagnostics
                        .error("config.ports-overlap",
                               fmt::format("port 0x{:x} is granted and also the virtual timer's",
                                           std::max(partition.ports_first[i].value, first)),
                               partition.ports_first[i].span, "the host's own")
                        .related.push_back({item.span, "the virtual one"});
    }
}

void read_watchdog(const Node& node, Span at, Board& board, Diagnostics& diagnostics) {
    const Fields fields(node, "`watchdog`", at, {{"hpet", true}, {"comparator", true}, {"requester"}}, diagnostics);
    BoardWatchdog watchdog;
    if (const Node* hpet = fields.find("hpet"))
        watchdog.hpet = {read_page_address(*hpet, "hpet", diagnostics).value_or(0), hpet->span};
    if (const Node* comparator = fields.find("comparator"))
        watchdog.comparator = static_cast<std::uint8_t>(
            read_integer(*comparator, "comparator", 0, kMostComparators - 1, diagnostics).value_or(0));
    if (const Node* requester = fields.find("requester")) {
        if (const auto id = read_integer(*requester, "requester", 0, 0xFFFE, diagnostics))
            watchdog.requester = static_cast<std::uint16_t>(*id);
        if (board.iommu.kind == BoardIommu::none || board.iommu.kind == BoardIommu::amd_vi)
            diagnostics
                .error("board.watchdog-requester",
                       board.iommu.kind == BoardIommu::none
                           ? "a board without an IOMMU has no requester ids"
                           : "a watchdog whose messages pass an AMD-Vi unit is not available in this version",
                       requester->span, "remapped by no unit")
                .help = "leave `requester` out if the timer's messages reach the processors past the unit, or leave "
                        "`watchdog` out";
    }
    board.watchdog = watchdog;
}

} // namespace septum::config
