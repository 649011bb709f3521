// SPDX-License-Identifier: Apache-2.0
// septum explain ID|FINDING [FILE [IMAGE]], septum explain placement FILE
#include "verifier/explain.hpp"
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/conflict.hpp"

#include <fmt/format.h>

namespace septum::cli {
namespace {

constexpr const char* kPlacement = "placement";
constexpr std::size_t kWidth = 100;

// Words of `text` in lines of at most kWidth columns, each behind `indent`.
std::string wrapped(const std::string& text, const std::string& indent) {
    std::string out;
    std::string line = indent;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        if (line.size() > indent.size() && line.size() + 1 + word.size() > kWidth) {
            out += line + "\n";
            line = indent;
        }
        line += (line.size() > indent.size() ? " " : "") + word;
        at = end + 1;
    }
    return out + line + "\n";
}

std::string part(const char* title, const std::string& text) {
    return text.empty() ? "" : fmt::format("\n{}\n{}", title, wrapped(text, "  "));
}

std::string prose(const verifier::PropertyText& property) {
    return fmt::format("{}: {}\n", property.id, property.title) + part("what is claimed", property.statement) +
           part("what it would find", property.example) + part("level", verifier::name(property.level)) +
           part("why it is not judged further", property.reason) +
           part("what it takes for granted", property.rests_on) + part("manual", property.manual) +
           part("to mend it", property.mend);
}

std::string place(const config::Span& span, const config::Sources& sources) {
    return span.known() && span.file < sources.files.size()
               ? fmt::format("{}:{}", sources.files[span.file].name, span.line)
               : "no line of its own";
}

// Ids of what is said before there is anything to prove.
bool says_a_reader(std::string_view id) {
    for (const std::string_view area : {"config.", "yaml.", "file.", "board.", "plan.", "payload.", "build.", "lint."})
        if (id.starts_with(area))
            return true;
    return false;
}

class Explain : public Command {
public:
    About about() const override {
        return {"explain", "ID|FINDING [FILE [IMAGE]]", "a property in prose, and what its proof rests on",
                "ID is a property (`mem.disjoint`), or the fingerprint of a finding (`mem.disjoint:gateway+vault`). "
                "With FILE, "
                "proves\nit and says which lines the proof needs: a minimal set, found by leaving out one declaration "
                "after "
                "another.\nWith `placement` instead of an ID: which lines of FILE cannot hold together.",
                "septum explain mem.disjoint\n"
                "septum explain mem.exact appliance.yaml appliance.iso\n"
                "septum explain flow.policy:internet+vault:never appliance.yaml\n"
                "septum explain placement appliance.yaml"};
    }
    void declare(CLI::App& app) override {
        app.add_option("ID", id_, "a property, a finding's fingerprint, or `placement`");
        app.add_option("FILE", input_.file, "the appliance");
        app.add_option("IMAGE", image_, "an image built from it");
        input_.declare(app, false);
    }
    std::vector<Needed> needed() const override { return {{"an ID", &id_}}; }

    int run(const Terminal& terminal) override {
        if (id_ == kPlacement)
            return explain_placement(terminal);
        const std::string id = id_.substr(0, id_.find(':'));
        const auto property = verifier::property_text(id);
        if (!property) {
            const auto ids = verifier::property_ids();
            const std::vector<std::string_view> known(ids.begin(), ids.end());
            const auto near = config::nearest(id, known);
            if (near.empty() && says_a_reader(id))
                return terminal.usage("`" + id + "` is a rule of the language, not a property",
                                      "its message says what was found and expected; config/README.md has every key");
            return terminal.usage("there is no property `" + id + "`",
                                  near.empty() ? "`septum verify --all` lists them, and docs/catalogue.md says more"
                                               : "did you mean `" + std::string(near) + "`?");
        }
        if (input_.file.empty()) {
            terminal.print(prose(*property));
            return kDone;
        }
        return explain_proof(terminal, *property);
    }

private:
    int explain_proof(const Terminal& terminal, const verifier::PropertyText& property) {
        Appliance appliance("explain", terminal, input_);
        if (!appliance.load())
            return give(terminal, appliance.answer(), {});
        Bytes image;
        if (!image_.empty()) {
            auto bytes = read_image_file(image_);
            if (!bytes.ok())
                return terminal.fail(bytes.diagnostics);
            if (bytes.value->empty())
                return terminal.fail("cannot read `" + image_ + "`: the file is empty", "");
            image = std::move(*bytes.value);
        }
        terminal.progress("proving `" + property.id + "` again and again");
        const auto grounds = verifier::grounds(property.id, appliance.model(), image, {});
        if (!grounds.defects.empty())
            return terminal.fail(grounds.defects);
        const auto& sources = appliance.answer().sources;
        std::string text = prose(property);
        const auto& result = grounds.result;
        text += fmt::format("\nhere: {}{}\n", verifier::name(result.verdict),
                            result.reason.empty() ? "" : " (" + result.reason + ")");
        if (result.verdict == verifier::Verdict::proved) {
            text += grounds.lines.empty()
                        ? fmt::format("  the proof needs none of the {} declarations\n", grounds.declarations)
                        : fmt::format("  the proof needs these of the {} declarations:\n", grounds.declarations);
            for (const auto& line : grounds.lines)
                text += fmt::format("  {}: {}\n", place(line.span, sources), line.what);
        }
        bool found = false;
        for (const auto& finding : result.findings) {
            // Of several findings, the one that was asked for.
            if (id_ != property.id && finding.fingerprint != id_)
                continue;
            found = true;
            text += "\n" + config::render(finding.diagnostic, sources, terminal.color_on_stdout());
            text += "   = note: fingerprint: " + finding.fingerprint + "\n";
        }
        terminal.print(text);
        if (id_ != property.id && !found) {
            std::string there;
            for (const auto& finding : result.findings)
                there += (there.empty() ? "" : ", ") + ("`" + finding.fingerprint + "`");
            terminal.say("`" + id_ + "` is no finding here" +
                         (there.empty() ? "" : "; those of `" + property.id + "` are " + there));
            return kDone;
        }
        return result.verdict == verifier::Verdict::violated ? kFindings
               : result.verdict == verifier::Verdict::inconclusive || result.verdict == verifier::Verdict::disagreed
                   ? kInconclusive
                   : kDone;
    }

    int explain_placement(const Terminal& terminal) {
        if (input_.file.empty())
            return terminal.usage("`septum explain placement` needs a FILE", "septum explain placement appliance.yaml");
        Appliance appliance("explain", terminal, input_);
        if (!appliance.load())
            return give(terminal, appliance.answer(), {});
        terminal.progress("placing the appliance again and again");
        const auto conflict = find_conflict(appliance.model());
        if (conflict.says.empty()) {
            terminal.print("everything has its place: `septum plan` shows it\n");
            return kDone;
        }
        const auto& sources = appliance.answer().sources;
        std::string text;
        for (const auto& diagnostic : conflict.says)
            text += config::render(diagnostic, sources, terminal.color_on_stdout()) + "\n";
        text += conflict.demands.size() == 1
                    ? "this line cannot hold on this board:\n"
                    : "these lines cannot hold together on this board; without any one of them the "
                      "rest has its place:\n";
        for (const auto& demand : conflict.demands)
            text += fmt::format("  {}: {}\n", place(demand.span, sources), demand.what);
        terminal.print(text);
        return kFindings;
    }

    ApplianceOptions input_;
    std::string id_;
    std::string image_;
};

} // namespace

std::unique_ptr<Command> make_explain() {
    return std::make_unique<Explain>();
}

} // namespace septum::cli
