// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

namespace septum::cli {
namespace {

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width)
        text.resize(width, ' ');
    return text;
}

std::string indented(const std::string& lines) {
    std::string out;
    for (std::size_t at = 0; at < lines.size();) {
        const auto end = std::min(lines.find('\n', at), lines.size());
        out += "  " + lines.substr(at, end - at) + "\n";
        at = end + 1;
    }
    return out;
}

// "-o, --output FILE"; an argument is just its name.
std::string spelled(const CLI::Option& option) {
    if (option.get_positional() && option.get_lnames().empty())
        return option.get_name(true);
    std::string text;
    for (const auto& name : option.get_snames())
        text += (text.empty() ? "-" : ", -") + name;
    for (const auto& name : option.get_lnames())
        text += (text.empty() ? "--" : ", --") + name;
    if (option.get_items_expected_max() > 0)
        text += " " + option.get_type_name();
    return text;
}

} // namespace

std::string main_help(const std::vector<std::unique_ptr<Command>>& commands) {
    std::string text = "septum: one YAML file to a bootable appliance of isolated partitions, proved before it exists\n"
                       "\n"
                       "usage: septum COMMAND [ARGUMENTS]\n"
                       "\n"
                       "commands:\n";
    for (const auto& command : commands) {
        const About about = command->about();
        std::string head = padded(std::string(about.name) + " " + about.arguments, 30);
        if (head.size() > 30) // the summary begins a line of its own
            head += "\n" + std::string(32, ' ');
        text += "  " + head + about.summary + "\n";
    }
    text += "\n"
            "from nothing to a running appliance:\n"
            "  septum init demo                        write demo/appliance.yaml\n"
            "  septum check demo/appliance.yaml        is it written well?\n"
            "  septum verify demo/appliance.yaml       is everything apart that must be?\n"
            "  septum build demo/appliance.yaml -o demo.iso\n"
            "  septum run demo.iso --timeout 20\n"
            "\n"
            "exit codes: 0 clean or proved, 1 could not do its work, 2 findings, 3 inconclusive, 64 usage, 130 "
            "interrupted\n"
            "\n"
            "`septum COMMAND --help` has the options and examples of each.\n";
    return text;
}

std::string command_help(const About& about, const CLI::App& app) {
    std::string text = std::string("septum ") + about.name + ": " + about.summary + "\n\nusage: septum " + about.name;
    if (about.arguments[0] != '\0')
        text += std::string(" ") + about.arguments;
    text += " [OPTIONS]\n\n" + std::string(about.description) + "\n";
    std::string arguments;
    std::string options;
    for (const CLI::Option* option : app.get_options()) {
        const bool positional = option->get_positional() && option->get_lnames().empty();
        (positional ? arguments : options) += "  " + padded(spelled(*option), 26) + option->get_description() + "\n";
    }
    if (!arguments.empty())
        text += "\narguments:\n" + arguments;
    if (!options.empty())
        text += "\noptions:\n" + options;
    return text + "\nexamples:\n" + indented(about.examples);
}

} // namespace septum::cli
