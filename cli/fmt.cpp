// SPDX-License-Identifier: Apache-2.0
// septum fmt FILE…
#include "cli/answer.hpp"
#include "cli/command.hpp"
#include "cli/files.hpp"
#include "config/diagnostics.hpp"
#include "config/format.hpp"
#include "config/text.hpp"

#include <iostream>
#include <iterator>

namespace septum::cli {
namespace {

class Fmt : public Command {
public:
    About about() const override {
        return {
            "fmt", "FILE...", "bring appliance and board files into one form",
            "Puts indentation, spaces and blank lines in order. Comments, the order of keys and how a value is\n"
            "written stay. A file is rewritten only when it changes, and whole. `-` reads standard input and writes "
            "to\n"
            "standard output, for editors.",
            "septum fmt appliance.yaml\n"
            "septum fmt --check *.yaml                in CI: names what is not in form, exit code 2\n"
            "septum fmt - < appliance.yaml"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", files_, "what to format; `-` is standard input");
        app.add_flag("--check", check_, "change nothing; say which files would change");
    }

    int run(const Terminal& terminal) override {
        if (files_.empty())
            return terminal.usage("`septum fmt` needs a FILE", "usage: septum fmt FILE...");
        int code = kDone;
        for (const auto& file : files_)
            code = std::max(code, format(terminal, file));
        return code;
    }

private:
    static bool read(const std::string& file, config::Sources& sources, std::vector<config::Diagnostic>& failed) {
        if (file == "-") {
            sources.files.push_back({"standard input", std::string(std::istreambuf_iterator<char>(std::cin), {})});
            return true;
        }
        failed = check_readable(file);
        if (!failed.empty())
            return false;
        config::Diagnostics diagnostics;
        auto text = config::read_source(file, {}, diagnostics);
        failed = diagnostics.take_sorted();
        if (text)
            sources.files.push_back({file, std::move(*text)});
        return text.has_value();
    }

    int format(const Terminal& terminal, const std::string& file) const {
        config::Sources sources;
        std::vector<config::Diagnostic> failed;
        if (!read(file, sources, failed))
            return terminal.fail(failed);
        const auto formatted = config::format_yaml(sources);
        if (!formatted.ok()) {
            Answer answer;
            answer.command = "check"; // its summary
            answer.appliance = file;
            answer.sources = sources;
            answer.diagnostics = formatted.diagnostics;
            return give(terminal, answer, {});
        }
        if (file == "-" && !check_) {
            terminal.print(*formatted.value);
            return kDone;
        }
        if (*formatted.value == sources.files[0].text)
            return kDone;
        if (check_) {
            terminal.print(file + "\n");
            return kFindings;
        }
        auto pending = PendingFile::make(file);
        if (!pending.ok())
            return terminal.fail(pending.diagnostics);
        if (const auto unwritten = pending.value->commit(*formatted.value); !unwritten.empty())
            return terminal.fail(unwritten);
        terminal.say("formatted `" + file + "`");
        return kDone;
    }

    std::vector<std::string> files_;
    bool check_ = false;
};

} // namespace

std::unique_ptr<Command> make_fmt() {
    return std::make_unique<Fmt>();
}

} // namespace septum::cli
