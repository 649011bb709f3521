// SPDX-License-Identifier: Apache-2.0
// septum check FILE
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/lint.hpp"

#include <fmt/format.h>

namespace septum::cli {
namespace {

class Check : public Command {
public:
    About about() const override {
        return {"check", "FILE", "is the appliance file written well? No solver, milliseconds",
                "Reads the appliance and its board: syntax, keys, types, units, names, limits. Says all that is wrong, "
                "each\n"
                "with its place, and warns of what is allowed and probably not meant (lint.*; the exit code stays 0).\n"
                "Reads no payloads and proves nothing: `septum verify` does.",
                "septum check appliance.yaml\n"
                "septum check appliance.yaml --board qemu-q35-xapic\n"
                "septum check appliance.yaml --format json --output findings.json"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", input_.file, "the appliance");
        input_.declare(app, false);
        answer_.declare(app, false);
        app.add_option("-o,--output", answer_.output, "where the answer goes (default: standard output)")
            ->type_name("FILE")
            ->take_last();
    }
    std::vector<Needed> needed() const override { return {{"a FILE", &input_.file}}; }

    int run(const Terminal& terminal) override {
        const auto format = answer_.parse(terminal);
        if (!format)
            return kUsage;
        Appliance appliance("check", terminal, input_);
        const bool good = appliance.load();
        if (good) {
            const auto warnings = lint(appliance.model());
            auto& all = appliance.answer().diagnostics;
            all.insert(all.end(), warnings.begin(), warnings.end());
            warnings_ = warnings.size();
        }
        if (format == Format::html)
            appliance.draw();
        const int code = give(terminal, appliance.answer(), answer_);
        if (good && code == kDone) {
            const auto& model = appliance.model();
            const auto count = [](std::size_t n, const char* what) {
                return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
            };
            terminal.say(fmt::format("`{}` is well written: {}, {}, {} on board `{}`{}", model.name.value,
                                     count(model.partitions.size(), "partition"),
                                     count(model.channels.size(), "channel"), count(model.policy.size(), "rule"),
                                     model.board.name.value, warnings_ == 0 ? "" : ", " + count(warnings_, "warning")));
        }
        return code;
    }

private:
    ApplianceOptions input_;
    AnswerOptions answer_;
    std::size_t warnings_ = 0;
};

} // namespace

std::unique_ptr<Command> make_check() {
    return std::make_unique<Check>();
}

} // namespace septum::cli
