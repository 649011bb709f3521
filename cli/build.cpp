// SPDX-License-Identifier: Apache-2.0
// septum build FILE -o ISO
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/earlier.hpp"

#include <fmt/format.h>
#include <optional>

namespace septum::cli {
namespace {

class Build : public Command {
public:
    About about() const override {
        return {
            "build", "FILE -o ISO", "plan, make the tables, prove, write the image",
            "Makes a bootable image (BIOS and UEFI, CD or USB stick) of the appliance, decodes it again and proves "
            "every\n"
            "property on its bytes. An image that is not proved is not written. The same input gives the same bytes.",
            "septum build appliance.yaml -o appliance.iso\n"
            "septum build appliance.yaml -o appliance.iso --payloads guests/ --payloads kernels/\n"
            "septum build appliance.yaml -o appliance.iso --all        every property with its verdict\n"
            "septum build appliance.yaml -o appliance.iso --format html --report report.html\n"
            "septum build appliance.yaml -o appliance.iso --sbom       what it was made of, beside it"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", input_.file, "the appliance");
        app.add_option("-o,--output", image_, "the image to write")->type_name("ISO")->take_last();
        input_.declare(app, true);
        answer_.declare(app, true);
        app.add_option("--report", answer_.output, "where the answer goes (default: standard output)")
            ->type_name("FILE")
            ->take_last();
        app.add_flag("--sbom", sbom_, "write ISO.spdx.json and ISO.provenance.json beside the image");
    }
    std::vector<Needed> needed() const override { return {{"a FILE", &input_.file}, {"`-o ISO`", &image_}}; }

    int run(const Terminal& terminal) override {
        const auto format = answer_.parse(terminal);
        if (!format)
            return kUsage;
        auto file = PendingFile::make(image_);
        if (!file.ok())
            return terminal.fail(file.diagnostics);
        std::vector<PendingFile> beside; // before the work: a folder one may not write to is known at once
        if (sbom_)
            for (const char* const suffix : {".spdx.json", ".provenance.json"}) {
                auto more = PendingFile::make(image_ + suffix);
                if (!more.ok())
                    return terminal.fail(more.diagnostics);
                beside.push_back(std::move(*more.value));
            }
        std::optional<Appliance> work;
        bool unchanged = false;
        if (recall(image_)) {
            work.emplace("build", terminal, input_);
            unchanged = work->load() && work->plan() && work->use_earlier_image(image_);
        }
        if (!unchanged) {
            work.emplace("build", terminal, input_);
            work->begin_image();
        }
        Appliance& appliance = *work;
        if (!unchanged && !(appliance.load() && appliance.prove_model() && appliance.plan() && appliance.make_image() &&
                            appliance.prove_image())) {
            if (format == Format::html)
                appliance.draw();
            const int code = give(terminal, appliance.answer(), answer_);
            terminal.say("`" + image_ + "` was not written");
            return code;
        }
        appliance.answer().image = image_;
        if (format == Format::html)
            appliance.draw();
        if (!unchanged) {
            if (const auto failed = file.value->commit(appliance.image()); !failed.empty())
                return terminal.fail(failed);
            remember(image_, {appliance.inputs_digest(), appliance.image_digest()});
        }
        if (sbom_) {
            const auto made_of = appliance.ingredients(image_);
            for (std::size_t i = 0; i < beside.size(); i++)
                if (const auto failed = beside[i].commit(i == 0 ? spdx(made_of) : provenance(made_of)); !failed.empty())
                    return terminal.fail(failed);
        }
        const int code = give(terminal, appliance.answer(), answer_);
        terminal.say(fmt::format("{} `{}`: {:.1f} MiB, sha-256 {}", unchanged ? "unchanged:" : "wrote", image_,
                                 static_cast<double>(appliance.image().size()) / 1048576.0, appliance.image_digest()));
        return code;
    }

private:
    ApplianceOptions input_;
    AnswerOptions answer_;
    std::string image_;
    bool sbom_ = false;
};

} // namespace

std::unique_ptr<Command> make_build() {
    return std::make_unique<Build>();
}

} // namespace septum::cli
