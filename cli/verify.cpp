// SPDX-License-Identifier: Apache-2.0
// septum verify FILE [IMAGE]
#include "cli/appliance.hpp"
#include "cli/command.hpp"

#include <algorithm>
#include <charconv>

namespace septum::cli {
namespace {

class Verify : public Command {
public:
    About about() const override {
        return {"verify", "FILE [IMAGE]", "prove that the appliance is apart where it must be",
                "With IMAGE: proves that the image grants exactly what the appliance declares, by decoding its bytes. "
                "Without:\n"
                "makes the tables in memory and proves them; the payloads must be there. The exit code is the verdict.",
                "septum verify appliance.yaml                    the model and the tables it leads to\n"
                "septum verify appliance.yaml appliance.iso      the image as it ships\n"
                "septum verify appliance.yaml --model-only       without payloads\n"
                "septum verify appliance.yaml appliance.iso --format json --output verdict.json\n"
                "septum verify appliance.yaml --format sarif --output findings.sarif\n"
                "septum verify appliance.yaml appliance.iso --format html --output report.html\n"
                "septum verify appliance.yaml --acknowledged accepted.yaml"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", input_.file, "the appliance");
        app.add_option("IMAGE", image_, "an image built from it");
        input_.declare(app, true);
        answer_.declare(app, true);
        app.add_option("-o,--output", answer_.output, "where the answer goes (default: standard output)")
            ->type_name("FILE")
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
        if (!today_.empty() && !is_date(today_))
            return terminal.usage("`--today` is a day such as `2027-01-31`, not `" + today_ + "`");
        if (model_only_ && !image_.empty())
            return terminal.usage("`--model-only` and an IMAGE exclude each other");
        if (looks_like_image(input_.file)) {
            if (image_.empty())
                return terminal.usage("`" + input_.file + "` is an image: which appliance is it to be proved against?",
                                      "septum verify appliance.yaml " + input_.file);
            if (!looks_like_image(image_))
                return terminal.usage("`" + input_.file + "` is an image: the appliance comes first",
                                      "septum verify " + image_ + " " + input_.file);
        }
        Appliance appliance("verify", terminal, input_, options);
        if (appliance.load() && acknowledge(appliance.answer()))
            prove(appliance);
        if (format == Format::html)
            appliance.draw();
        for (const auto& entry : unused(appliance.answer()))
            terminal.warn("acknowledged finding `" + entry + "` does not occur",
                          "remove it from `" + acknowledged_ + "`");
        return give(terminal, appliance.answer(), answer_);
    }

private:
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
            auto bytes = read_file(image_);
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
    std::string acknowledged_;
    std::string today_;
};

} // namespace

std::unique_ptr<Command> make_verify() {
    return std::make_unique<Verify>();
}

} // namespace septum::cli
