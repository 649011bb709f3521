// SPDX-License-Identifier: Apache-2.0
// septum build FILE -o IMAGE
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/earlier.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace septum::cli {
namespace {

class Build : public Command {
public:
    About about() const override {
        return {
            "build", "FILE -o IMAGE", "plan, make the tables, prove, write the image",
            "Makes a bootable image (BIOS and UEFI) of the appliance, decodes it again and proves every property on "
            "its\n"
            "bytes. An image that is not proved is not written. The same input gives the same bytes. Targets: `iso`\n"
            "(a CD, or a USB stick), `disk` (with a place for the next version), `netboot` (files for a server).",
            "septum build appliance.yaml -o appliance.iso\n"
            "septum build appliance.yaml -o appliance.img --target disk\n"
            "septum build appliance.yaml -o out/appliance --target iso,disk,netboot     out/appliance.iso, .img, .tar\n"
            "septum build appliance.yaml -o appliance.iso --payloads guests/ --payloads kernels/\n"
            "septum build appliance.yaml -o appliance.iso --all        every property with its verdict\n"
            "septum build appliance.yaml -o appliance.iso --format html --report report.html\n"
            "septum build appliance.yaml -o appliance.iso --sbom       what it was made of, beside it"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", input_.file, "the appliance");
        app.add_option("-o,--output", image_, "the image to write; of several targets, its name without suffix")
            ->type_name("IMAGE")
            ->take_last();
        app.add_option("--target", target_words_,
                       "iso, disk or netboot; may be repeated (default: by the suffix `.img` or `.tar`, else iso)")
            ->type_name("TARGET")
            ->allow_extra_args(false);
        input_.declare(app, true);
        answer_.declare(app, true);
        app.add_option("--report", answer_.output, "where the answer goes (default: standard output)")
            ->type_name("FILE")
            ->take_last();
        app.add_flag("--sbom", sbom_, "write IMAGE.spdx.json and IMAGE.provenance.json beside the image");
    }
    std::vector<Needed> needed() const override { return {{"a FILE", &input_.file}, {"`-o IMAGE`", &image_}}; }

    int run(const Terminal& terminal) override {
        const auto format = answer_.parse(terminal);
        if (!format)
            return kUsage;
        if (image_ == "-")
            return terminal.usage("an image goes to a file, and `-` stands for standard output elsewhere",
                                  "name a file: `-o appliance.iso`");
        const auto targets = targets_of(target_words_, image_);
        if (!targets.ok())
            return terminal.usage(targets.diagnostics[0].message, targets.diagnostics[0].help);
        std::vector<Output> outputs; // before the work: a folder one may not write to is known at once
        for (const Target target : *targets.value) {
            auto output = make_output(output_for(image_, target, *targets.value));
            if (!output.ok())
                return terminal.fail(output.diagnostics);
            outputs.push_back(std::move(*output.value));
        }
        const auto tools = begin_digest_of_tools();
        std::optional<Appliance> work;
        const Kept kept = keep_earlier(terminal, *targets.value, outputs, tools, work);
        const bool unchanged = kept == Kept::all;
        bool good = unchanged;
        if (!unchanged) {
            if (kept == Kept::nothing)
                work.emplace("build", terminal, input_);
            if (targets.value->front() == Target::iso)
                work->begin_iso();
            good = kept == Kept::plan ? work->prove_model() : work->load() && work->prove_model() && work->plan();
            for (std::size_t i = 0; good && i < outputs.size(); ++i) {
                const Target target = (*targets.value)[i];
                good = work->make_image(target) && work->prove_image();
                if (good)
                    keep(*work, target, tools, outputs[i]);
            }
        }
        Appliance& appliance = *work;
        if (good)
            appliance.answer().image = outputs.back().name;
        if (format == Format::html)
            appliance.draw();
        if (!good) {
            const int code = give(terminal, appliance.answer(), answer_);
            for (const Output& output : outputs)
                terminal.say("`" + output.name + "` was not written");
            return code;
        }
        for (Output& output : outputs) {
            for (std::size_t i = unchanged ? 1 : 0; i < output.files.size(); i++)
                if (const auto failed = output.files[i].commit(*output.contents[i]); !failed.empty())
                    return terminal.fail(failed);
            if (!unchanged)
                remember(output.name, output.made);
        }
        const int code = give(terminal, appliance.answer(), answer_);
        for (const Output& output : outputs)
            terminal.say(fmt::format("{} `{}`: {:.1f} MiB, sha-256 {}", unchanged ? "unchanged:" : "wrote", output.name,
                                     static_cast<double>(output.contents[0]->size()) / 1048576.0, output.made.image));
        return code;
    }

private:
    using Tools = std::shared_future<std::string>;

    // An image, and what is told of it beside it.
    struct Output {
        std::string name;
        std::vector<PendingFile> files;
        std::vector<std::shared_ptr<const Bytes>> contents; // one for each file
        Earlier made;                                       // digests of the image and of what it was made from
    };

    config::Outcome<Output> make_output(const std::string& name) const {
        Output output{name, {}, {}, {}};
        for (const char* const suffix : {"", ".spdx.json", ".provenance.json"}) {
            if (*suffix != '\0' && !sbom_)
                continue;
            auto file = PendingFile::make(name + suffix);
            if (!file.ok())
                return {std::nullopt, std::move(file.diagnostics)};
            output.files.push_back(std::move(*file.value));
        }
        return {std::move(output), {}};
    }

    // What of an earlier build is of use: nothing; the appliance, read and planned; or every image as well.
    enum class Kept : std::uint8_t { nothing, plan, all };

    // All, when every image stands as it would be made now and is proved. Each is proved while the bundle is made.
    Kept keep_earlier(const Terminal& terminal, const std::vector<Target>& targets, std::vector<Output>& outputs,
                      const Tools& tools, std::optional<Appliance>& work) const {
        std::vector<Earlier> earlier;
        for (const Output& output : outputs) {
            auto found = recall(output.name);
            if (!found)
                return Kept::nothing;
            earlier.push_back(std::move(*found));
        }
        work.emplace("build", terminal, input_);
        if (!work->load())
            return Kept::nothing;
        for (const Output& output : outputs)
            work->begin_proof(output.name);
        if (!work->plan())
            return Kept::nothing; // what is wrong is said in the order of a whole build
        bool same = true;
        for (std::size_t i = 0; same && i < outputs.size(); ++i) {
            same = work->inputs_digest(targets[i], tools.get()) == earlier[i].inputs &&
                   work->use_proof(i, targets[i], earlier[i].image);
            if (same)
                keep(*work, targets[i], tools, outputs[i]);
        }
        if (same)
            return Kept::all;
        for (Output& output : outputs)
            output.contents.clear();
        return Kept::plan;
    }

    void keep(const Appliance& appliance, Target target, const Tools& tools, Output& output) const {
        output.contents.push_back(appliance.share_image());
        output.made = {appliance.inputs_digest(target, tools.get()), appliance.image_digest()};
        if (!sbom_)
            return;
        const auto made_of = appliance.ingredients(output.name);
        for (const std::string& text : {spdx(made_of), provenance(made_of)})
            output.contents.push_back(std::make_shared<const Bytes>(text.begin(), text.end()));
    }

    ApplianceOptions input_;
    AnswerOptions answer_;
    std::string image_;
    std::vector<std::string> target_words_;
    bool sbom_ = false;
};

} // namespace

std::unique_ptr<Command> make_build() {
    return std::make_unique<Build>();
}

} // namespace septum::cli
