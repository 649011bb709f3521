// SPDX-License-Identifier: Apache-2.0
#include "cli/shape.hpp"

#include "cli/answer.hpp"
#include "cli/appliance.hpp"
#include "cli/boards.hpp"
#include "cli/command_line.hpp"
#include "cli/target.hpp"
#include "cli/templates.hpp"
#include "verifier/explain.hpp"

#include <algorithm>

namespace septum::cli {
namespace {

std::vector<std::string> choices_of(const std::string& value) {
    const auto strings = [](const std::vector<std::string_view>& names) {
        return std::vector<std::string>(names.begin(), names.end());
    };
    if (value == "FORM")
        return strings(format_names());
    if (value == "TEMPLATE")
        return strings(template_names());
    if (value == "WHEN")
        return {"auto", "always", "never"};
    if (value == "TARGET")
        return strings(target_names());
    if (value == "SHELL")
        return {"bash", "zsh", "fish"};
    if (value == "ACTION")
        return {"probe", "show"};
    if (value == "WHO")
        return {"all", "columns", "septum"};
    if (value == "BOARD")
        return board_names(ApplianceOptions().load_options());
    if (value == "ID") {
        auto ids = verifier::property_ids();
        ids.emplace_back("placement");
        return ids;
    }
    return {};
}

bool is_file(const std::string& value) {
    constexpr const char* kFiles[] = {"FILE", "IMAGE", "DIR", "FOLDER", "ISO", "ELF", "BOARD", "OLD", "NEW", "PROGRAM", "LOCK"};
    return std::any_of(std::begin(kFiles), std::end(kFiles),
                       [&](const char* word) { return value.find(word) != std::string::npos; });
}

OptionShape shape_of(const CLI::Option& option) {
    OptionShape shape;
    shape.description = option.get_description();
    for (const auto& name : option.get_snames())
        shape.names.push_back("-" + name);
    for (const auto& name : option.get_lnames())
        shape.names.push_back("--" + name);
    if (shape.is_argument())
        shape.value = option.get_name(true);
    else if (option.get_items_expected_max() > 0)
        shape.value = option.get_type_name();
    shape.choices = choices_of(shape.value);
    shape.is_file = is_file(shape.value);
    shape.many = shape.is_argument() && option.get_items_expected_max() > 1;
    return shape;
}

} // namespace

std::vector<CommandShape> command_shapes() {
    std::vector<CommandShape> shapes;
    for (const auto& command : all_commands()) {
        CLI::App app;
        declare_whole(*command, app);
        CommandShape shape{command->about(), {}};
        for (const CLI::Option* option : app.get_options())
            shape.options.push_back(shape_of(*option));
        shapes.push_back(std::move(shape));
    }
    return shapes;
}

} // namespace septum::cli
