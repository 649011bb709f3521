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
    if (node.kind == Node::Kind::scalar) {
        Diagnostic& word = wrong_type(node, protocol.key, "a mapping such as `{kernel: FILE}`", diagnostics);
        word.label = "not a mapping";
        word.help = fmt::format("write `{}: {{kernel: {}}}`", protocol.key,
                                node.text.empty() || node.text.size() > 64 ? "FILE" : node.text);
        return;
    }
    const Fields fields(node, tick(protocol.key), key, {{"kernel", true}, {protocol.module}, {"cmdline"}}, diagnostics);
    boot.kind = protocol.kind;
    if (const Node* kernel = fields.find("kernel"))
        boot.image = {read_text(*kernel, "kernel", protocol.kernel_text, diagnostics).value_or(""), kernel->span};
    if (const Node* module = fields.find(protocol.module))
        boot.initrd = {
            {read_text(*module, protocol.module, protocol.module_text, diagnostics).value_or(""), module->span}};
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
                .error("config.boot-twice", fmt::format("a partition boots {} or {}, not both", tick(way), tick(each)),
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

} // namespace

std::optional<Boot> read_boot(const Node& node, Span key, Diagnostics& diagnostics) {
    if (node.kind == Node::Kind::scalar) {
        Diagnostic& word = wrong_type(node, "boot", "a mapping such as `{elf: FILE}`", diagnostics);
        word.label = "not a mapping";
        word.help =
            fmt::format("write `boot: {{elf: {}}}`", node.text.empty() || node.text.size() > 64 ? "FILE" : node.text);
        return std::nullopt;
    }
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

} // namespace septum::config
