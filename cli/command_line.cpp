// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include "cli/help.hpp"
#include "cli/shape.hpp"
#include "cli/version.hpp"
#include "config/source.hpp"
#include "config/system_words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>

namespace septum::cli {
namespace {

// One CLI11 application of its own per command: the messages about it are ours.
struct Line {
    CLI::App app;
    bool help = false;
    std::string color;
};

void declare_common(CLI::App& app, std::string& color, bool& help) {
    app.set_help_flag();
    app.allow_extras();
    app.add_option("--color", color, "auto, always or never (default: auto; NO_COLOR is heeded)")
        ->type_name("WHEN")
        ->take_last();
    app.add_flag("-h,--help", help, "this text");
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known, std::string otherwise) {
    std::vector<std::string_view> candidates(known.begin(), known.end());
    const auto near = config::nearest(word, candidates);
    return near.empty() ? std::move(otherwise) : "did you mean `" + std::string(near) + "`?";
}

// The words CLI11 could not place: the first tells most.
int unexpected(const Terminal& terminal, const Line& line, const About& about) {
    const auto extras = line.app.remaining();
    std::vector<std::string> options;
    for (const CLI::Option* option : line.app.get_options())
        for (const auto& name : option->get_lnames())
            options.push_back("--" + name);
    const std::string see = std::string("`septum ") + about.name + " --help` lists what it takes";
    for (const auto& word : extras) {
        if (word.size() > 1 && word[0] == '-') {
            const auto name = word.substr(0, word.find('='));
            return terminal.usage("`septum " + std::string(about.name) + "` has no option `" + name + "`",
                                  did_you_mean(name, options, see));
        }
    }
    return terminal.usage("`septum " + std::string(about.name) + "` has no use for `" + extras.front() + "`", see);
}

// Options that name a file to be written, and those that name one to be read; so do words without an option.
constexpr std::array<std::string_view, 4> kWritten{"output", "report", "certificate", "record"};
constexpr std::array<std::string_view, 5> kRead{"acknowledged", "approve", "board", "kernel", "model"};

bool is_of(const CLI::Option& option, std::span<const std::string_view> known) {
    const auto& names = option.get_lnames();
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return std::find(known.begin(), known.end(), name) != known.end();
    });
}

// /dev/null and its like take any number of answers.
bool same_file(const std::string& a, const std::string& b) {
    std::error_code ec;
    return std::filesystem::exists(a, ec)
               ? std::filesystem::is_regular_file(a, ec) && std::filesystem::equivalent(a, b, ec)
               : a == b && a != "-";
}

// What no command can mean: an empty word, and a file that it reads or writes otherwise as the place for its answer.
std::optional<std::pair<std::string, std::string>> never_meant(const CLI::App& app, const About& about) {
    const auto given = app.get_options([](const CLI::Option* option) { return option->count() != 0; });
    for (const CLI::Option* option : given)
        for (const auto& word : option->results())
            if (word.empty() && !option->check_lname("qemu-arg"))
                return std::pair{"`septum " + std::string(about.name) + "` was given nothing as `" +
                                     option->get_name() + "`",
                                 std::string("is a variable of the shell not set? Set it, or leave the argument out")};
    for (const CLI::Option* to : given)
        for (const CLI::Option* other : given) {
            const bool twice = is_of(*other, kWritten);
            const bool counts =
                is_of(*to, kWritten) && other != to && (twice || is_of(*other, kRead) || other->get_positional());
            for (const auto& word : counts ? other->results() : std::vector<std::string>{})
                if (same_file(to->results().back(), word))
                    return std::pair{
                        "`" + to->get_name() + " " + to->results().back() + "` would overwrite " +
                            (twice ? "what `" + other->get_name() + "` writes" : "`" + word + "`, which is read"),
                        std::string("name another file")};
        }
    return std::nullopt;
}

int run_command(Command& command, const std::vector<std::string>& words, Terminal& terminal) {
    const About about = command.about();
    Line line;
    command.declare(line.app);
    declare_common(line.app, line.color, line.help);
    try {
        auto reversed = words; // as CLI11 wants them
        std::reverse(reversed.begin(), reversed.end());
        line.app.parse(std::move(reversed));
    } catch (const CLI::ArgumentMismatch& e) {
        const std::string what = e.what(); // "--output: 1 required FILE missing"
        return terminal.usage("`" + what.substr(0, what.find(':')) + "` needs a value",
                              std::string("`septum ") + about.name + " --help` lists what it takes");
    } catch (const CLI::ParseError& e) {
        return terminal.usage(e.what(), std::string("`septum ") + about.name + " --help` lists what it takes");
    }
    if (line.color == "always" || line.color == "never")
        terminal.choose_color(line.color == "always" ? ColorWish::always : ColorWish::never);
    else if (!line.color.empty() && line.color != "auto")
        return terminal.usage("`--color` is `auto`, `always` or `never`, not `" + line.color + "`",
                              did_you_mean(line.color, {"auto", "always", "never"}, ""));
    if (line.help) {
        terminal.print(command_help(about, line.app));
        return kDone;
    }
    if (line.app.remaining_size() != 0)
        return unexpected(terminal, line, about);
    if (const auto wrong = never_meant(line.app, about))
        return terminal.usage(wrong->first, wrong->second);
    for (const auto& needed : command.needed())
        if (needed.value->empty())
            return terminal.usage("`septum " + std::string(about.name) + "` needs " + needed.name,
                                  std::string("usage: septum ") + about.name + " " + about.arguments);
    return command.run(terminal);
}

int choose_command(const std::vector<std::string>& words, Terminal& terminal) {
    const auto commands = all_commands();
    if (words.empty()) {
        terminal.say(main_help(commands));
        return kUsage;
    }
    // `septum --color never check FILE` is `septum check FILE --color never`.
    if (words.front() == "--color" || words.front().starts_with("--color=")) {
        const std::size_t taken = words.front() == "--color" ? 2 : 1;
        if (words.size() < taken)
            return terminal.usage("`--color` needs a value", "it is `auto`, `always` or `never`");
        std::vector<std::string> turned(words.begin() + static_cast<std::ptrdiff_t>(taken), words.end());
        if (!turned.empty())
            turned.insert(turned.begin() + 1, words.begin(), words.begin() + static_cast<std::ptrdiff_t>(taken));
        return choose_command(turned, terminal);
    }
    const std::string& word = words.front();
    const auto by_name = [&](const std::string& name) -> Command* {
        for (const auto& command : commands)
            if (name == command->about().name)
                return command.get();
        return nullptr;
    };
    std::vector<std::string> rest(words.begin() + 1, words.end());
    if (Command* command = by_name(word); command != nullptr)
        return run_command(*command, rest, terminal);
    if (word == "--version" || word == "-V")
        return run_command(*by_name("version"), rest, terminal);
    if (word == "--help" || word == "-h" || word == "help") {
        if (rest.empty()) {
            terminal.print(main_help(commands));
            return kDone;
        }
        if (Command* command = by_name(rest.front()); command != nullptr)
            return run_command(*command, {"--help"}, terminal);
        return choose_command(rest, terminal); // says that there is no such command
    }
    if (word[0] == '-')
        return terminal.usage("the command comes first, then its options: `" + word + "` is none",
                              "usage: septum COMMAND [ARGUMENTS]");
    std::vector<std::string> names;
    for (const auto& command : commands)
        names.emplace_back(command->about().name);
    return terminal.usage("unknown command `" + word + "`",
                          did_you_mean(word, names, "`septum --help` lists the commands"));
}

} // namespace

std::vector<std::unique_ptr<Command>> all_commands() {
    std::vector<std::unique_ptr<Command>> commands;
    for (const auto make : {make_init, make_check, make_fmt, make_plan, make_build, make_verify, make_explain,
                            make_diff, make_flow, make_walk, make_run, make_board, make_completion, make_version})
        commands.push_back(make());
    return commands;
}

void declare_whole(Command& command, CLI::App& app) {
    std::string color; // never parsed into: `app` is only looked at
    bool help = false;
    command.declare(app);
    declare_common(app, color, help);
}

int run_command_line(int argc, char** argv) {
    Terminal terminal;
    int code = kFailed;
    try {
        code = choose_command({argv + std::min(argc, 1), argv + argc}, terminal);
    } catch (const std::bad_alloc&) {
        return terminal.fail("not enough memory");
    } catch (const std::system_error& e) { // of a thread, mostly
        return terminal.fail("the system refused what the work needs: " + config::system_words(e.code().value()),
                             "`ulimit -a` shows what is allowed: memory and processes above all");
    } catch (const std::exception& e) {
        return terminal.fail(std::string("internal error: ") + e.what(),
                             "this is a defect of septum; please report it");
    }
    const int failure = terminal.flush();
    if (failure == 0 || failure == EPIPE) // a reader that went away has seen enough
        return code;
    return terminal.fail("cannot write to standard output");
}

} // namespace septum::cli
