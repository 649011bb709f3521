// SPDX-License-Identifier: Apache-2.0
// septum verify FILE [IMAGE], septum verify IMAGE
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/digest.hpp"
#include "cli/evidence.hpp"
#include "verifier/grants.hpp"

#include <algorithm>
#include <charconv>

namespace septum::cli {
namespace {

class Verify : public Command {
public:
    About about() const override {
        return {
            "verify", "FILE|IMAGE [IMAGE]", "prove that nothing is shared but what is declared",
            "With IMAGE: proves that the image grants exactly what the appliance declares, by decoding its bytes. "
            "Without:\n"
            "makes the tables in memory and proves them; the payloads must be there. The exit code is the verdict.\n"
            "With an image alone: says what it grants to whom, proves what needs no declaration, and says what "
            "it could not judge.",
            "septum verify appliance.yaml                    the model and the tables it leads to\n"
            "septum verify appliance.yaml appliance.iso      the image as it ships\n"
            "septum verify appliance.yaml appliance.img      a disk, in the same way; or a folder to boot from over "
            "the network\n"
            "septum verify appliance.iso                     what an image grants, when nobody has its appliance "
            "file\n"
            "septum verify appliance.yaml --model-only       without payloads\n"
            "septum verify appliance.yaml appliance.iso --format json --output verdict.json\n"
            "septum verify appliance.yaml --format sarif --output findings.sarif\n"
            "septum verify appliance.yaml appliance.iso --format html --output report.html\n"
            "septum verify appliance.yaml --acknowledged accepted.yaml"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", input_.file, "the appliance, or an image of which nobody has the appliance");
        app.add_option("IMAGE", image_, "an image built from it");
        input_.declare(app, true);
        answer_.declare(app, true);
        app.add_option("-o,--output", answer_.output, "where the answer goes (default: standard output)")
            ->type_name("FILE")
            ->take_last();
        app.add_option("--certificate", certificate_,
                       "write what the image grants and what is proved of it; needs an IMAGE")
            ->type_name("FILE")
            ->take_last();
        app.add_option("--smt-lib", smt_lib_, "write every question to the solver as SMT-LIB 2, for other solvers")
            ->type_name("DIR")
            ->take_last();
        app.add_flag("--model-only", model_only_, "prove the model alone; properties of bytes do not apply");
        app.add_flag("--no-solver", no_solver_, "enumerate only; do not ask the solver as well");
        app.add_option("--solver-timeout", timeout_, "milliseconds for one question to the solver (default: 10000)")
            ->type_name("MS")
            ->take_last();
        app.add_option("--acknowledged", acknowledged_, "findings that were looked at and accepted (docs/formats.md)")
            ->type_name("FILE")
            ->take_last();
        app.add_option("--today", today_, "the day on which acknowledgements are judged (default: the system's, UTC)")
            ->type_name("DATE")
            ->take_last();
    }
    std::vector<Needed> needed() const override { return {{"a FILE", &input_.file}}; }

    int run(const Terminal& terminal) override {
        verifier::Options options;
        options.solver = !no_solver_;
        const char* const end = timeout_.data() + timeout_.size();
        if (!timeout_.empty()) {
            const auto [at, error] = std::from_chars(timeout_.data(), end, options.timeout_ms);
            if (error != std::errc() || at != end || options.timeout_ms == 0)
                return terminal.usage("`--solver-timeout` is a number of milliseconds, not `" + timeout_ + "`");
        }
        const auto format = answer_.parse(terminal);
        if (!format)
            return kUsage;
        if (!smt_lib_.empty()) {
            if (no_solver_)
                return terminal.usage("`--smt-lib` and `--no-solver` exclude each other");
            options.obligations = &obligations_;
        }
        if (!today_.empty() && !is_date(today_))
            return terminal.usage("`--today` is a day such as `2027-01-31`, not `" + today_ + "`");
        if (model_only_ && !image_.empty())
            return terminal.usage("`--model-only` and an IMAGE exclude each other");
        if (looks_like_image(input_.file)) {
            if (image_.empty())
                return model_only_
                           ? terminal.usage("`--model-only` needs an appliance, and `" + input_.file + "` is an image")
                           : judge_alone(terminal, options);
            if (!looks_like_image(image_))
                return terminal.usage("`" + input_.file + "` is an image: the appliance comes first",
                                      "septum verify " + image_ + " " + input_.file);
            return terminal.usage("`" + input_.file + "` and `" + image_ + "` are both images",
                                  "septum diff OLD NEW compares two");
        }
        if (!certificate_.empty() && image_.empty())
            return terminal.usage("`--certificate` needs an IMAGE: it speaks of the bytes that ship",
                                  "septum verify " + input_.file + " IMAGE --certificate " + certificate_);
        Appliance appliance("verify", terminal, input_, options);
        const bool loaded = appliance.load();
        input_files_ = appliance.answer().sources.files.size();
        if (loaded && acknowledge(appliance.answer()))
            prove(appliance);
        if (format == Format::html)
            appliance.draw();
        for (const auto& entry : unused(appliance.answer()))
            terminal.warn("acknowledged finding `" + entry + "` does not occur",
                          "remove it from `" + acknowledged_ + "`");
        return finish(terminal, appliance.answer(), appliance.image());
    }

private:
    int judge_alone(const Terminal& terminal, verifier::Options options) {
        if (answer_.format == "html")
            return terminal.usage("`--format html` draws an appliance, and `" + input_.file + "` is an image alone",
                                  "septum verify appliance.yaml " + input_.file + " --format html");
        const auto bytes = read_image_file(input_.file);
        if (!bytes.ok())
            return terminal.fail(bytes.diagnostics);
        const auto kernel = read_kernel(input_);
        if (!kernel.ok())
            return terminal.fail(kernel.diagnostics);
        options.kernel = sha256(*kernel.value);
        terminal.progress("reading the image");
        const auto grants = verifier::read_grants(*bytes.value);
        Answer answer;
        answer.command = "verify";
        answer.image = input_.file;
        terminal.progress("proving the image");
        answer.report = verifier::verify_image_alone(*bytes.value, options);
        if (grants.ok() && answer_.format == "text")
            terminal.print(verifier::grants_text(*grants.value) + "\n");
        return finish(terminal, answer, *bytes.value);
    }

    int finish(const Terminal& terminal, const Answer& answer, std::span<const std::uint8_t> image) {
        const int verdict = give(terminal, answer, answer_);
        if (!certificate_.empty())
            if (const auto failed = write_certificate(terminal, answer, input_files_, image, certificate_);
                !failed.empty())
                return terminal.fail(failed);
        if (!smt_lib_.empty() && answer.report)
            if (const auto failed = write_obligations(terminal, obligations_, smt_lib_); !failed.empty())
                return terminal.fail(failed);
        return verdict;
    }

    bool acknowledge(Answer& answer) const {
        answer.day = today_.empty() ? today() : today_;
        if (acknowledged_.empty())
            return true;
        auto read = read_acknowledged(acknowledged_, answer.sources);
        answer.diagnostics.insert(answer.diagnostics.end(), read.diagnostics.begin(), read.diagnostics.end());
        answer.acknowledged = std::move(read.value).value_or(std::vector<Acknowledgement>());
        return read.ok();
    }

    // Listed, and no finding any more: the list should not outlive what it is about.
    static std::vector<std::string> unused(const Answer& answer) {
        std::vector<std::string> names;
        if (!answer.report || !answer.report->defects.empty())
            return names;
        const auto items = answer.items();
        for (const auto& entry : answer.acknowledged)
            if (std::none_of(items.begin(), items.end(),
                             [&](const Item& item) { return item.fingerprint == entry.fingerprint; }))
                names.push_back(entry.fingerprint);
        return names;
    }

    void prove(Appliance& appliance) {
        if (!image_.empty()) {
            auto bytes = read_image_file(image_);
            if (!bytes.ok()) {
                auto& all = appliance.answer().diagnostics;
                all.insert(all.end(), bytes.diagnostics.begin(), bytes.diagnostics.end());
                return;
            }
            appliance.use_image(image_, std::move(*bytes.value));
            (void)appliance.prove_image();
            return;
        }
        // What is wrong in the model has the better message there than as a plan that does not come about.
        if (appliance.prove_model() && !model_only_ && appliance.plan())
            (void)appliance.prove_bundle();
    }

    ApplianceOptions input_;
    AnswerOptions answer_;
    std::string image_;
    bool model_only_ = false;
    bool no_solver_ = false;
    std::string timeout_;
    std::string certificate_;
    std::size_t input_files_ = 0; // the appliance, and its board's file if it has one
    std::string smt_lib_;
    std::vector<verifier::Obligation> obligations_;
    std::string acknowledged_;
    std::string today_;
};

} // namespace

std::unique_ptr<Command> make_verify() {
    return std::make_unique<Verify>();
}

} // namespace septum::cli
