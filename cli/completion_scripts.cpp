// SPDX-License-Identifier: Apache-2.0
#include "cli/shape.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

// Inside '…' of a shell.
std::string shell_quoted(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
    std::string out;
    for (const auto& word : words)
        out += (out.empty() ? "" : between) + word;
    return out;
}

// Inside an _arguments specification brackets and colons have a meaning.
std::string zsh_words(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\')
            out += '\\';
        out += c;
    }
    return shell_quoted(out);
}

std::string zsh_value(const OptionShape& option) {
    const auto name = zsh_words(option.value);
    const auto words = joined(option.choices, " ");
    if (!option.choices.empty() && option.is_file)
        return fmt::format(":{}:{{ compadd {}; _files }}", name, words);
    if (!option.choices.empty())
        return fmt::format(":{}:({})", name, words);
    return fmt::format(":{}:{}", name, option.is_file ? "_files" : "");
}

// What `compgen` is asked for.
std::string bash_words(const OptionShape& option) {
    const std::string words = option.choices.empty() ? "" : "-W \"" + joined(option.choices, " ") + "\"";
    return words + (option.is_file ? std::string(words.empty() ? "-f" : " -f") : std::string());
}

} // namespace

std::string bash_completion(const std::vector<CommandShape>& commands) {
    std::string names;
    for (const auto& command : commands)
        names += std::string(names.empty() ? "" : " ") + command.about.name;
    std::string text = fmt::format(R"(# bash completion of septum. Made by `septum completion bash`.
_septum() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}}
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W "{} help --help --version" -- "$word"))
        return
    fi
    case $command in
    help)
        COMPREPLY=($(compgen -W "{}" -- "$word"))
        ;;
)",
                                   names, names);
    for (const auto& command : commands) {
        std::string values;
        std::string options;
        OptionShape arguments; // any of them: which one is meant depends on the options before it
        for (const auto& option : command.options) {
            if (option.is_argument()) {
                arguments.choices.insert(arguments.choices.end(), option.choices.begin(), option.choices.end());
                arguments.is_file = arguments.is_file || option.is_file;
                continue;
            }
            for (const auto& name : option.names)
                options += (options.empty() ? "" : " ") + name;
            if (option.value.empty())
                continue;
            const auto words = bash_words(option);
            values += fmt::format("        {}) {}; return ;;\n", joined(option.names, " | "),
                                  words.empty() ? ":" : "COMPREPLY=($(compgen " + words + " -- \"$word\"))");
        }
        const auto words = bash_words(arguments);
        text += fmt::format("    {})\n        case $before in\n{}        esac\n        if [[ $word == -* ]]; then\n"
                            "            COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n{}        fi\n        ;;\n",
                            command.about.name, values, options,
                            words.empty() ? ""
                                          : "        else\n            COMPREPLY=($(compgen " + words + " -- \"$word\"))\n");
    }
    return text + "    esac\n}\ncomplete -o filenames -F _septum septum\n";
}

std::string zsh_completion(const std::vector<CommandShape>& commands) {
    std::string text = "#compdef septum\n# zsh completion of septum. Made by `septum completion zsh`.\n_septum() {\n"
                       "    local -a commands=(\n";
    for (const auto& command : commands)
        text += fmt::format("        '{}:{}'\n", command.about.name, zsh_words(command.about.summary));
    text += "    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
            "    local command=${words[2]}\n    shift words\n    (( CURRENT-- ))\n    case $command in\n"
            "    help) _describe command commands ;;\n";
    for (const auto& command : commands) {
        text += fmt::format("    {})\n        _arguments", command.about.name);
        unsigned place = 1;
        for (const auto& option : command.options) {
            if (option.is_argument()) {
                text += fmt::format(" \\\n            '{}{}'", option.many ? "*" : std::to_string(place++), zsh_value(option));
                continue;
            }
            for (const auto& name : option.names)
                text += fmt::format(" \\\n            '{}[{}]{}'", name, zsh_words(option.description),
                                    option.value.empty() ? "" : zsh_value(option));
        }
        text += "\n        ;;\n";
    }
    return text + "    esac\n}\n_septum \"$@\"\n";
}

std::string fish_completion(const std::vector<CommandShape>& commands) {
    std::string text = "# fish completion of septum. Made by `septum completion fish`.\n";
    for (const auto& command : commands)
        text += fmt::format("complete -c septum -n __fish_use_subcommand -f -a {} -d '{}'\n", command.about.name,
                            shell_quoted(command.about.summary));
    for (const auto& command : commands) {
        const bool files =
            std::any_of(command.options.begin(), command.options.end(),
                        [](const OptionShape& option) { return option.is_argument() && option.is_file; });
        for (const auto& option : command.options) {
            const auto condition =
                fmt::format("complete -c septum -n '__fish_seen_subcommand_from {}'", command.about.name);
            if (option.is_argument()) {
                if (!option.choices.empty())
                    text += fmt::format("{}{} -a '{}'\n", condition, files ? "" : " -f", joined(option.choices, " "));
                continue;
            }
            text += condition;
            for (const auto& name : option.names)
                text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            if (!option.value.empty())
                text += (option.is_file ? std::string(" -r -F") : std::string(" -x")) +
                        (option.choices.empty() ? "" : fmt::format(" -a '{}'", joined(option.choices, " ")));
            text += fmt::format(" -d '{}'\n", shell_quoted(option.description));
        }
    }
    return text;
}

} // namespace septum::cli
