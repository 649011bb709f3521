// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/grub_config.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::size_t kMaxSize = 64 * kKiB; // ours takes 70 bytes

// Characters with a meaning to GRUB's script language (GRUB manual §6.1), and what is not plain text.
bool plain(char c) {
    return c > ' ' && c < 0x7F && std::string_view("$\"'\\;{}|&<>()*?[]`~").find(c) == std::string_view::npos;
}

bool digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `set timeout=N` changes nothing but how long the menu waits.
bool harmless(const GrubCommand& command) {
    constexpr std::string_view timeout = "timeout=";
    return command.words.size() == 2 && command.words[0] == "set" && command.words[1].starts_with(timeout) &&
           digits(std::string_view(command.words[1]).substr(timeout.size()));
}

} // namespace

GrubConfig decode_grub_config(ByteSpan text) {
    GrubConfig config;
    if (text.size() > kMaxSize) {
        config.defects.add(DefectKind::too_much, "grub.cfg is larger than it can be", 0, kMaxSize, text.size());
        return config;
    }
    std::uint32_t line = 1;
    GrubCommand command;
    std::string word;
    bool comment = false;
    const auto end_word = [&] {
        if (!word.empty()) {
            command.words.push_back(std::move(word));
            word.clear();
        }
    };
    const auto end_line = [&] {
        end_word();
        if (!command.words.empty()) {
            command.line = line;
            config.commands.push_back(std::move(command));
        }
        command = {};
        comment = false;
        ++line;
    };
    for (const std::uint8_t byte : text) {
        const char c = static_cast<char>(byte);
        if (c == '\n') {
            end_line();
        } else if (comment) {
            continue;
        } else if (c == ' ' || c == '\t') {
            end_word();
        } else if (c == '#' && word.empty()) {
            comment = true;
        } else {
            if (!plain(c)) {
                config.defects.add(DefectKind::unknown, "grub.cfg uses a character with a meaning of its own", line, 0,
                                   byte);
            }
            word.push_back(c);
        }
    }
    end_line();

    for (const GrubCommand& each : config.commands) {
        const std::string& verb = each.words[0];
        if (verb == "multiboot2" && each.words.size() >= 2) {
            config.kernels.push_back(each);
        } else if (verb == "module2" && each.words.size() >= 2) {
            config.modules.push_back(each);
        } else if (!(verb == "boot" && each.words.size() == 1) && !harmless(each)) {
            config.defects.add_lazy(
                DefectKind::unknown, [&] { return "grub.cfg has the command `" + verb + "`"; }, each.line, 0, 0);
        }
    }
    config.boots = !config.commands.empty() && config.commands.back().words == std::vector<std::string>{"boot"};
    return config;
}

} // namespace septum::verifier::decode
