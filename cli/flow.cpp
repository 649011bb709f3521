// SPDX-License-Identifier: Apache-2.0
// septum flow FILE|IMAGE
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/flow_forms.hpp"

namespace septum::cli {
namespace {

class Flow : public Command {
public:
    About about() const override {
        return {
            "flow", "FILE|IMAGE", "who can reach whom",
            "Of an appliance: the flows that it declares. Of an image: those that its bytes grant, by shared memory, "
            "doorbells\nand fault policy. Both directly and through others.",
            "septum flow appliance.yaml\n"
            "septum flow appliance.iso\n"
            "septum flow appliance.yaml --format svg --output flow.svg\n"
            "septum flow appliance.yaml --format dot | dot -Tpdf > flow.pdf"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE", input_.file, "the appliance, or an image");
        input_.declare(app, false);
        app.add_option("-f,--format", format_, "text, dot, mermaid or svg (default: text)")
            ->type_name("FORM")
            ->take_last();
        app.add_option("-o,--output", output_, "where it goes (default: standard output)")
            ->type_name("FILE")
            ->take_last();
    }
    std::vector<Needed> needed() const override { return {{"a FILE", &input_.file}}; }

    int run(const Terminal& terminal) override {
        if (format_ != "text" && format_ != "dot" && format_ != "mermaid" && format_ != "svg") {
            const auto near = config::nearest(format_, {"text", "dot", "mermaid", "svg"});
            return terminal.usage("`--format` is `text`, `dot`, `mermaid` or `svg`, not `" + format_ + "`",
                                  near.empty() ? "" : "did you mean `" + std::string(near) + "`?");
        }
        if (!looks_like_image(input_.file)) {
            Appliance appliance("flow", terminal, input_);
            if (!appliance.load())
                return give(terminal, appliance.answer(), {});
            return show(terminal, verifier::declared_flow(appliance.model()), appliance.answer().sources);
        }
        const auto image = read_image_file(input_.file);
        if (!image.ok())
            return terminal.fail(image.diagnostics);
        const auto flow = verifier::image_flow(*image.value);
        if (!flow.ok())
            return terminal.fail(flow.diagnostics);
        return show(terminal, *flow.value, {});
    }

private:
    int show(const Terminal& terminal, const verifier::FlowView& flow, const config::Sources& sources) const {
        const std::string title = std::filesystem::path(input_.file).stem().string();
        const std::string text = format_ == "dot"       ? flow_dot(flow, title)
                                 : format_ == "mermaid" ? flow_mermaid(flow)
                                 : format_ == "svg"     ? flow_svg(flow, title)
                                                        : flow_text(flow, sources);
        if (output_.empty() || output_ == "-") {
            terminal.print(text);
            return kDone;
        }
        auto file = PendingFile::make(output_);
        if (!file.ok())
            return terminal.fail(file.diagnostics);
        if (const auto failed = file.value->commit(text); !failed.empty())
            return terminal.fail(failed);
        return kDone;
    }

    ApplianceOptions input_;
    std::string format_ = "text";
    std::string output_;
};

} // namespace

std::unique_ptr<Command> make_flow() {
    return std::make_unique<Flow>();
}

} // namespace septum::cli
