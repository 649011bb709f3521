// SPDX-License-Identifier: Apache-2.0
// septum walk IMAGE PARTITION GPA
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/number.hpp"

#include <fmt/format.h>

namespace septum::cli {
namespace {

const char* level_name(int level) {
    static constexpr const char* kNames[] = {"?", "PT", "PD", "PDPT", "PML4", "PML5"};
    return level >= 1 && level <= 5 ? kNames[level] : kNames[0];
}

std::string page_name(std::uint64_t size) {
    return size == 1ULL << 30   ? "1 GiB"
           : size == 1ULL << 21 ? "2 MiB"
           : size == 4096       ? "4 KiB"
                                : fmt::format("{:#x}", size);
}

class Walk : public Command {
public:
    About about() const override {
        return {"walk", "IMAGE PARTITION GPA", "what a partition reaches at a guest-physical address",
                "Walks the partition's nested page tables as they are in the image, entry by entry. With `--model`, "
                "shows the line\n"
                "of the appliance that granted the page. Exit code 2: reached, and no line of the model grants it.",
                "septum walk appliance.iso vault 0x100000\n"
                "septum walk appliance.iso vault 0xd000_0000 --model appliance.yaml"};
    }
    void declare(CLI::App& app) override {
        app.add_option("IMAGE", image_, "an image");
        app.add_option("PARTITION", partition_, "its partition's name");
        app.add_option("GPA", gpa_, "guest-physical address: 0x100000, 0xd000_0000 or decimal");
        app.add_option("-m,--model", input_.file, "the appliance it was built from")->type_name("FILE")->take_last();
        input_.declare(app, false);
    }
    std::vector<Needed> needed() const override {
        return {{"an IMAGE", &image_}, {"a PARTITION", &partition_}, {"a GPA", &gpa_}};
    }

    int run(const Terminal& terminal) override {
        const auto gpa = parse_number(gpa_);
        if (!gpa)
            return terminal.usage("`" + gpa_ + "` is no address", "for example 0x100000, 0xd000_0000 or 1048576");
        const auto image = read_image_file(image_);
        if (!image.ok())
            return terminal.fail(image.diagnostics);
        Appliance appliance("walk", terminal, input_);
        const bool with_model = !input_.file.empty();
        if (with_model && !appliance.load())
            return give(terminal, appliance.answer(), {});
        const auto walk = verifier::walk(*image.value, partition_, *gpa, with_model ? &appliance.model() : nullptr);
        if (!walk.ok())
            return terminal.fail(walk.diagnostics);
        return show(terminal, *walk.value, *gpa, with_model, appliance.answer().sources);
    }

private:
    int show(const Terminal& terminal, const verifier::Walk& walk, std::uint64_t gpa, bool with_model,
             const config::Sources& sources) const {
        std::string text = fmt::format("`{}` at guest-physical {:#x}\n", partition_, gpa);
        for (const auto& step : walk.steps)
            text += fmt::format("  {:<4}  table {:#012x}  entry {:>3}  {:#018x}  {}\n", level_name(step.level),
                                step.table, step.index, step.entry, step.meaning);
        if (!walk.mapped) {
            terminal.print(text + "reaches nothing: the access exits as a nested page fault\n");
            return kDone;
        }
        text += fmt::format("reaches host-physical {:#x}, {}, in a {} page\n", walk.host, walk.access,
                            page_name(walk.page_size));
        if (!with_model) {
            terminal.print(text);
            return kDone;
        }
        if (!walk.granted_by.known()) {
            terminal.print(text + "no line of `" + input_.file + "` grants it\n");
            return kFindings;
        }
        config::Diagnostic d;
        d.severity = config::Severity::note;
        d.id = "walk";
        d.message = "granted here";
        d.primary = walk.granted_by;
        terminal.print(text + config::render(d, sources, terminal.color_on_stdout()));
        return kDone;
    }

    ApplianceOptions input_;
    std::string image_;
    std::string partition_;
    std::string gpa_;
};

} // namespace

std::unique_ptr<Command> make_walk() {
    return std::make_unique<Walk>();
}

} // namespace septum::cli
