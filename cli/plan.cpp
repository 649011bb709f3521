// SPDX-License-Identifier: Apache-2.0
// septum plan FILE
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/memory_map.hpp"

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

class PlanCommand : public Command {
public:
    About about() const override {
        return {
            "plan", "FILE", "place everything, write septum.lock, show the memory map",
            "Places CPUs, memory, channels and the kernel's own parts on the board and writes the plan as text, one "
            "fact a\n"
            "line, into septum.lock beside the appliance: keep it under version control, and a diff shows what moved.",
            "septum plan appliance.yaml\n"
            "septum plan appliance.yaml -o plans/today.lock"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", input_.file, "the appliance");
        app.add_option("-o,--output", output_, "where the plan goes (default: septum.lock beside FILE)")
            ->type_name("LOCK")
            ->take_last();
        input_.declare(app, true);
    }
    std::vector<Needed> needed() const override { return {{"a FILE", &input_.file}}; }

    int run(const Terminal& terminal) override {
        const fs::path lock = output_.empty() ? fs::path(input_.file).parent_path() / "septum.lock" : fs::path(output_);
        Appliance appliance("plan", terminal, input_);
        if (!(appliance.load() && appliance.plan()))
            return give(terminal, appliance.answer(), {});
        const int code = give(terminal, appliance.answer(), {}); // warnings
        const auto& bundle = appliance.bundle();
        const auto old = read_file(lock);
        const bool same =
            old.ok() && std::equal(old.value->begin(), old.value->end(), bundle.lock.begin(), bundle.lock.end(),
                                   [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
        if (!same) {
            auto file = PendingFile::make(lock);
            if (!file.ok())
                return terminal.fail(file.diagnostics);
            if (const auto failed = file.value->commit(bundle.lock); !failed.empty())
                return terminal.fail(failed);
        }
        terminal.print(memory_map(bundle.plan, terminal.color_on_stdout()));
        terminal.say((same ? "unchanged: `" : old.ok() ? "changed: `" : "wrote `") + lock.string() + "`");
        return code;
    }

private:
    ApplianceOptions input_;
    std::string output_;
};

} // namespace

std::unique_ptr<Command> make_plan() {
    return std::make_unique<PlanCommand>();
}

} // namespace septum::cli
