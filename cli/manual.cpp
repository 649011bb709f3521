// SPDX-License-Identifier: Apache-2.0
// Man pages in scdoc's language (scdoc(5)): what `--help` says, for `man septum-build`.
#include "cli/shape.hpp"

#include <fmt/format.h>

namespace septum::cli {
namespace {

// scdoc: a backslash keeps `_`, `*` and what begins a line from having a meaning.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '_' || c == '*' || c == '\\' || c == '[' || c == '#' || c == '<' || c == '`' || c == '~')
            out += c == '`' ? "" : "\\";
        if (c != '`')
            out += c;
    }
    return out;
}

std::string literal(const char* lines) {
    std::string text = "```\n";
    return text + lines + "\n```\n";
}

std::string exit_codes() {
    return "# EXIT STATUS\n\n*0*\n\tclean, or proved\n\n*1*\n\tcould not do its work: a file, a tool, the "
           "machine\n\n*2*\n\tfindings: "
           "errors in the input, a property violated, differences\n\n*3*\n\tinconclusive: neither proved nor "
           "violated\n\n*64*\n\tthe command line is wrong\n\n*130*\n\tinterrupted; nothing is left half written\n\n";
}

std::string main_page(const std::vector<CommandShape>& commands) {
    std::string text =
        "septum(1)\n\n# NAME\n\nseptum - one YAML file to a bootable appliance of isolated partitions\n\n# "
        "SYNOPSIS\n\n*septum* _COMMAND_ [_ARGUMENTS_]\n\n# DESCRIPTION\n\nSeptum turns one YAML file into a "
        "bootable appliance: a small separation kernel and guests, each on CPUs and memory of its own. "
        "Before an image exists a verifier proves that nothing is shared but what the file declares.\n\n# "
        "COMMANDS\n\n";
    for (const auto& command : commands)
        text += fmt::format("*septum-{}*(1)\n\t{}\n\n", command.about.name, plain(command.about.summary));
    return text + exit_codes() +
           "# ENVIRONMENT\n\n*NO\\_COLOR*\n\twhen not empty, nothing is coloured\n\n*TMPDIR*\n\twhere scratch files "
           "go\n";
}

std::string command_page(const CommandShape& command) {
    std::string text = fmt::format("septum-{0}(1)\n\n# NAME\n\nseptum-{0} - {1}\n\n# SYNOPSIS\n\n*septum {0}* {2} "
                                   "[_OPTIONS_]\n\n# DESCRIPTION\n\n{3}\n\n",
                                   command.about.name, plain(command.about.summary), plain(command.about.arguments),
                                   plain(command.about.description));
    std::string arguments;
    std::string options;
    for (const auto& option : command.options) {
        std::string head;
        for (const auto& name : option.names)
            head += (head.empty() ? "*" : ", *") + plain(name) + "*";
        if (option.is_argument())
            arguments += fmt::format("_{}_\n\t{}\n\n", plain(option.value), plain(option.description));
        else
            options += fmt::format("{}{}\n\t{}\n\n", head, option.value.empty() ? "" : " _" + plain(option.value) + "_",
                                   plain(option.description));
    }
    if (!arguments.empty())
        text += "# ARGUMENTS\n\n" + arguments;
    return text + "# OPTIONS\n\n" + options + "# EXAMPLES\n\n" + literal(command.about.examples) + "\n" + exit_codes() +
           "# SEE ALSO\n\n*septum*(1)\n";
}

} // namespace

std::string manual_page(const std::vector<CommandShape>& commands, const std::string& name) {
    if (name.empty())
        return main_page(commands);
    for (const auto& command : commands)
        if (command.about.name == name)
            return command_page(command);
    return {};
}

} // namespace septum::cli
