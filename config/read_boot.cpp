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

// A way of booting a kernel: its key, and what its own keys are called.
struct Protocol {
    std::string_view key;
    BootKind kind;
    std::string_view module;      // the key of what is loaded beside the kernel
    std::string_view kernel_text; // what messages call the two files
    std::string_view module_text;
};
constexpr std::array<Protocol, 3> kProtocols{{
    {"linux", BootKind::linux, "initrd", "the path of a bzImage", "the path of an initial RAM disk"},
    {"pvh", BootKind::pvh, "module", "the path of an ELF with a PVH entry", "the path of a module"},
    {"multiboot", BootKind::multiboot, "module", "the path of an ELF with a Multiboot header", "the path of a module"},
}};

void read_protocol(const Protocol& protocol, const Node& node, Span key, Boot& boot, Diagnostics& diagnostics) {
    const Fields fields(node, tick(protocol.key), key, {{"kernel", true}, {protocol.module}, {"cmdline"}}, diagnostics);
    boot.kind = protocol.kind;
    if (const Node* kernel = fields.find("kernel"))
        boot.image = {read_text(*kernel, "kernel", protocol.kernel_text, diagnostics).value_or(""), kernel->span};
    if (const Node* module = fields.find(protocol.module))
        boot.initrd = {{read_text(*module, protocol.module, protocol.module_text, diagnostics).value_or(""),
                        module->span}};
    if (const Node* cmdline = fields.find("cmdline"))
        boot.cmdline = {read_ascii(*cmdline, "cmdline", kLongestCmdline, diagnostics).value_or(""), cmdline->span};
}

// The one way that is written; null, and a message, when there is none or more than one.
const Node* find_way(const Fields& fields, Span key, std::string_view& way, Diagnostics& diagnostics) {
    static constexpr std::array<std::string_view, 4> kWays{"elf", "linux", "pvh", "multiboot"};
    const Node* found = nullptr;
    bool written = false;
    for (const std::string_view each : kWays) {
        written = written || fields.key_span(each).known();
        const Node* node = fields.find(each);
        if (node == nullptr)
            continue;
        if (found != nullptr) {
            diagnostics
                .error("config.boot-twice",
                       fmt::format("a partition boots {} or {}, not both", tick(way), tick(each)),
                       fields.key_span(each), "and this")
                .related.push_back({fields.key_span(way), "this"});
            return nullptr;
        }
        found = node;
        way = each;
    }
    if (!written)
        diagnostics
            .error("config.missing-key", "`boot` has neither `elf` nor `linux`, `pvh` or `multiboot`", key,
                   "what does it boot?")
            .help = "write `boot: {elf: FILE}` or `boot: {linux: {kernel: FILE}}`";
    return found;
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
    const Fields fields(node, "`boot`", key, {{"elf"}, {"linux"}, {"pvh"}, {"multiboot"}}, diagnostics);
    if (node.kind != Node::Kind::mapping)
        return std::nullopt;
    Boot boot;
    boot.span = node.span;
    std::string_view way;
    const Node* found = find_way(fields, key, way, diagnostics);
    if (found == nullptr)
        return std::nullopt;
    if (way == "elf")
        boot.image = {read_text(*found, "elf", "the path of a 64-bit ELF", diagnostics).value_or(""), found->span};
    for (const Protocol& protocol : kProtocols)
        if (way == protocol.key)
            read_protocol(protocol, *found, fields.key_span(way), boot, diagnostics);
    return boot;
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
