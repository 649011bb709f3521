// SPDX-License-Identifier: Apache-2.0
#include "config/read_boot.hpp"

#include "config/fields.hpp"
#include "config/scalars.hpp"

#include <fmt/format.h>
#include <utility>

namespace septum::config {

namespace {

constexpr std::size_t kLongestCmdline = 2047; // Linux x86 COMMAND_LINE_SIZE is 2048 with the zero

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

} // namespace septum::config
