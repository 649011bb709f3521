// SPDX-License-Identifier: Apache-2.0
#include "config/read_boot.hpp"

#include "config/fields.hpp"
#include "config/scalars.hpp"

#include <array>
#include <fmt/format.h>
#include <utility>

namespace septum::config {

namespace {

constexpr std::size_t kLongestCmdline = 2047; // Linux x86 COMMAND_LINE_SIZE is 2048 with the zero
constexpr std::uint32_t kDefaultAttempts = 3;
constexpr std::uint64_t kMostAttempts = 1000;

void read_linux(const Node& node, Span key, Boot& boot, Diagnostics& diagnostics) {
    const Fields fields(node, "`linux`", key, {{"kernel", true}, {"initrd"}, {"cmdline"}}, diagnostics);
    boot.kind = BootKind::linux;
    if (const Node* kernel = fields.find("kernel"))
        boot.image = {read_text(*kernel, "kernel", "the path of a bzImage", diagnostics).value_or(""), kernel->span};
    if (const Node* initrd = fields.find("initrd"))
        boot.initrd = {
            {read_text(*initrd, "initrd", "the path of an initial RAM disk", diagnostics).value_or(""), initrd->span}};
    if (const Node* cmdline = fields.find("cmdline"))
        boot.cmdline = {read_ascii(*cmdline, "cmdline", kLongestCmdline, diagnostics).value_or(""), cmdline->span};
}

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

} // namespace

std::optional<Boot> read_boot(const Node& node, Span key, Diagnostics& diagnostics) {
    const Fields fields(node, "`boot`", key, {{"elf"}, {"linux"}}, diagnostics);
    if (node.kind != Node::Kind::mapping)
        return std::nullopt;
    Boot boot;
    boot.span = node.span;
    const Node* elf = fields.find("elf");
    const Node* linux_node = fields.find("linux");
    if (elf != nullptr && linux_node != nullptr) {
        Diagnostic& both = diagnostics.error("config.boot-twice", "a partition boots `elf` or `linux`, not both",
                                             fields.key_span("linux"), "and this");
        both.related.push_back({fields.key_span("elf"), "this"});
        return std::nullopt;
    }
    if (elf != nullptr) {
        boot.image = {read_text(*elf, "elf", "the path of a 64-bit ELF", diagnostics).value_or(""), elf->span};
        return boot;
    }
    if (linux_node != nullptr) {
        read_linux(*linux_node, fields.key_span("linux"), boot, diagnostics);
        return boot;
    }
    if (!fields.key_span("elf").known() && !fields.key_span("linux").known())
        diagnostics.error("config.missing-key", "`boot` has neither `elf` nor `linux`", key, "what does it boot?")
            .help = "write `boot: {elf: FILE}` or `boot: {linux: {kernel: FILE}}`";
    return std::nullopt;
}

OnFault read_on_fault(const Node& node, Span key, Diagnostics& diagnostics) {
    OnFault on_fault;
    on_fault.span = node.span;
    if (node.kind != Node::Kind::mapping) {
        on_fault.action = read_action(node, "on_fault", diagnostics).value_or(FaultAction::stop);
        on_fault.attempts = on_fault.action == FaultAction::restart ? kDefaultAttempts : 0;
        follow_action(on_fault);
        return on_fault;
    }
    const Fields fields(node, "`on_fault`", key, {{"action", true}, {"attempts"}}, diagnostics);
    const Node* action = fields.find("action");
    const Node* attempts = fields.find("attempts");
    const auto meant = action != nullptr ? read_action(*action, "action", diagnostics) : std::nullopt;
    on_fault.action = meant.value_or(FaultAction::stop);
    follow_action(on_fault);
    on_fault.attempts = on_fault.action == FaultAction::restart ? kDefaultAttempts : 0;
    if (attempts != nullptr) {
        const auto count = read_integer(*attempts, "attempts", 1, kMostAttempts, diagnostics);
        if (meant && *meant != FaultAction::restart)
            diagnostics.error("config.attempts-without-restart",
                              fmt::format("`attempts` goes with `restart` only, found {}", describe(*action)),
                              fields.key_span("attempts"), "restarts that never happen");
        else
            on_fault.attempts = static_cast<std::uint32_t>(count.value_or(kDefaultAttempts));
    }
    return on_fault;
}

} // namespace septum::config
