// SPDX-License-Identifier: Apache-2.0
// septum diff OLD NEW
#include "cli/appliance.hpp"
#include "cli/command.hpp"
#include "cli/compared.hpp"
#include "cli/problem.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <sstream>

namespace septum::cli {
namespace {

std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t to) {
    return text + std::string(to > width(text) ? to - width(text) : 0, ' ');
}

const char* mark(Change::Kind kind) {
    switch (kind) {
    case Change::Kind::added:
        return "+";
    case Change::Kind::removed:
    case Change::Kind::unreachable:
        return "-";
    case Change::Kind::reachable:
        return "!";
    case Change::Kind::widened:
    case Change::Kind::narrowed:
        break;
    }
    return "~";
}

std::string last_word(const Change& c) {
    if (c.of == Granted::Kind::promise)
        return c.kind == Change::Kind::removed ? "NO LONGER PROMISED" : "newly promised";
    switch (c.kind) {
    case Change::Kind::widened:
        return "WIDENS";
    case Change::Kind::narrowed:
        return "narrows";
    case Change::Kind::reachable:
        return "newly reachable";
    case Change::Kind::unreachable:
        return "no longer reachable";
    default:
        return "";
    }
}

// What a person need not look at unless asked for: who loses something, and what is told by another line.
bool minor(const Change& c) {
    return !c.gain && c.kind != Change::Kind::removed && c.kind != Change::Kind::narrowed;
}

// A gain that somebody has looked at: "ID reason", one a line; `#` begins a comment.
struct Approval {
    std::string file;
    bool used = false;
};
using Approvals = std::map<std::string, Approval>; // by id

class Diff : public Command {
public:
    About about() const override {
        return {
            "diff", "OLD NEW", "what one appliance or image grants that the other does not",
            "Flows and grants gained (+), widened (~), lost (-), and who is newly reachable through others (!). "
            "Both are "
            "appliance\nfiles, or both are images. Exit code 2: something was gained that no approval file lists; with "
            "`--exit-code` also\nwhen something was lost.",
            "septum diff main.yaml appliance.yaml\n"
            "septum diff v1.iso v2.iso --all\n"
            "septum diff main.yaml appliance.yaml --approve approved.txt\n"
            "septum diff v1.iso v2.iso --format json\n"
            "septum diff main.yaml appliance.yaml --exit-code          did anything change at all?"};
    }
    void declare(CLI::App& app) override {
        app.add_option("OLD", input_.file, "an appliance, or an image");
        app.add_option("NEW", new_, "its successor");
        input_.declare(app, false);
        app.add_option("--approve", approvals_,
                       "a file of gains that are meant: their ids, each with a reason; may be repeated")
            ->type_name("FILE");
        app.add_option("-f,--format", format_, "text or json (default: text)")->type_name("FORM")->take_last();
        app.add_flag("--exit-code", exit_code_,
                     "exit code 2 for every difference, those that only take away reach too");
        app.add_flag("-a,--all", all_, "every change, those that only take away reach too, with its id");
    }
    std::vector<Needed> needed() const override { return {{"OLD", &input_.file}, {"NEW", &new_}}; }

    int run(const Terminal& terminal) override {
        if (format_ != "text" && format_ != "json") {
            const auto near = config::nearest(format_, {"text", "json"});
            return terminal.usage("`--format` is `text` or `json`, not `" + format_ + "`",
                                  near.empty() ? "" : "did you mean `" + std::string(near) + "`?");
        }
        const bool images = looks_like_image(input_.file);
        if (images != looks_like_image(new_) && check_readable(input_.file).empty() && check_readable(new_).empty())
            return terminal.fail("`" + (images ? input_.file : new_) + "` is an image and `" +
                                     (images ? new_ : input_.file) + "` is not",
                                 "compare two appliances, or two images");
        Side sides[2];
        const std::string names[2] = {input_.file, new_};
        for (int i = 0; i < 2; ++i)
            if (const int failed = read(terminal, names[i], images, sides[i]); failed != kDone)
                return failed;
        Approvals approvals;
        for (const auto& file : approvals_)
            if (const auto failed = read_approvals(file, approvals); !failed.empty())
                return terminal.fail(failed);
        return show(terminal, compare(sides[0], sides[1]), approvals, images, sides[0].kernel != sides[1].kernel);
    }

private:
    int read(const Terminal& terminal, const std::string& file, bool image, Side& side) {
        if (!image) {
            ApplianceOptions options = input_;
            options.file = file;
            Appliance appliance("diff", terminal, options);
            if (!appliance.load())
                return give(terminal, appliance.answer(), {});
            side = side_of(appliance.model(), appliance.answer().sources);
            return kDone;
        }
        const auto bytes = read_image_file(file);
        if (!bytes.ok())
            return terminal.fail(bytes.diagnostics);
        const auto grants = verifier::read_grants(*bytes.value);
        if (!grants.ok())
            return terminal.fail(grants.diagnostics);
        auto flow = verifier::image_flow(*bytes.value);
        if (!flow.ok())
            return terminal.fail(flow.diagnostics);
        side = side_of(*grants.value, std::move(*flow.value));
        return kDone;
    }

    std::vector<config::Diagnostic> read_approvals(const std::string& file, Approvals& out) {
        config::Diagnostics diagnostics;
        const auto read = config::read_source(file, {}, diagnostics);
        if (!read)
            return diagnostics.take_sorted();
        if (!config::check_characters(config::LineIndex(*read, 0), diagnostics))
            return {problem("approval", "`" + file + "` is no text: " + diagnostics.take_sorted()[0].message,
                            "lines of it are the id of a gain and why it is meant")};
        std::istringstream lines(*read);
        std::size_t number = 0;
        for (std::string line; std::getline(lines, line);) {
            ++number;
            std::istringstream words(line);
            std::string id;
            std::string reason;
            if (!(words >> id) || id[0] == '#')
                continue;
            if (!names_gain(id)) {
                return {
                    problem("approval",
                            fmt::format("line {} of `{}` begins with `{}`, which is no id of a gain", number, file, id),
                            "take the line from what `septum diff` says of gains that are not approved, or begin a "
                            "comment with `#`")};
            }
            if (!(words >> reason)) {
                return {problem("approval",
                                fmt::format("line {} of `{}` approves `{}` without a reason", number, file, id),
                                "write behind the id why the gain is meant")};
            }
            out.emplace(id, Approval{file});
        }
        return {};
    }

    // A loss needs no approval; but a rule of the policy that is gone is a gain.
    static bool names_gain(const std::string& id) {
        static constexpr std::string_view kBegin[] = {"added:", "widened:", "removed:", "reachable:"};
        return std::any_of(std::begin(kBegin), std::end(kBegin), [&](std::string_view b) { return id.starts_with(b); });
    }

    int show(const Terminal& terminal, const Changes& changes, Approvals& approvals, bool images,
             bool other_kernel) const {
        std::vector<const Change*> open;
        for (const Change& c : changes.all) {
            if (!c.gain)
                continue;
            if (const auto found = approvals.find(c.id); found != approvals.end())
                found->second.used = true;
            else
                open.push_back(&c);
        }
        if (format_ == "json") {
            std::set<std::string> approved;
            for (const auto& [id, approval] : approvals)
                approved.insert(id);
            terminal.print(changes_json(changes, approved, input_.file, new_, images, other_kernel));
        } else {
            terminal.print(section(changes, Granted::Kind::flow, "Flows", changes.unchanged_flows) +
                           section(changes, Granted::Kind::grant, "Grants", changes.unchanged_grants) +
                           lines(changes, Granted::Kind::promise));
        }
        // Not what the tables grant, but what answers all that exits.
        if (other_kernel)
            terminal.say("note: the two images have different kernels");
        for (const auto& [id, approval] : approvals)
            if (!approval.used)
                terminal.say("note: `" + approval.file + "` approves `" + id + "`, which is no gain here");
        if (open.empty())
            return exit_code_ && any_unapproved(changes, approvals) ? kFindings : kDone;
        terminal.say(fmt::format("{} not approved; with `--approve FILE`, these lines in FILE approve {}:",
                                 open.size() == 1 ? "1 gain is" : fmt::format("{} gains are", open.size()),
                                 open.size() == 1 ? "it" : "them"));
        for (const Change* c : open)
            terminal.say("  " + c->id + " REASON");
        return kFindings;
    }

    static bool any_unapproved(const Changes& changes, const Approvals& approvals) {
        return std::any_of(changes.all.begin(), changes.all.end(),
                           [&](const Change& c) { return approvals.count(c.id) == 0; });
    }

    std::string section(const Changes& changes, Granted::Kind kind, const char* title, std::size_t unchanged) const {
        std::size_t counts[3] = {};
        for (const Change& c : changes.all) {
            if (c.of != kind)
                continue;
            counts[0] += c.kind == Change::Kind::added ? 1U : 0U;
            counts[1] += c.kind == Change::Kind::widened ? 1U : 0U;
            counts[2] += c.kind == Change::Kind::removed ? 1U : 0U;
        }
        return fmt::format("{}: {} added, {} widened, {} removed ({} unchanged)\n", title, counts[0], counts[1],
                           counts[2], unchanged) +
               lines(changes, kind);
    }

    std::string lines(const Changes& changes, Granted::Kind kind) const {
        std::size_t first = 0;
        std::size_t second = 0;
        std::size_t third = 0;
        for (const Change& c : changes.all)
            if (c.of == kind && (all_ || !minor(c))) {
                first = std::max(first, width(c.subject));
                second = std::max(second, width(c.what));
                third = std::max(third, width(c.place));
            }
        std::string out;
        for (const Change& c : changes.all) {
            if (c.of != kind || (!all_ && minor(c)))
                continue;
            std::string line = fmt::format("{} {}  {}  {}  {}", mark(c.kind), padded(c.subject, first),
                                           padded(c.what, second), padded(c.place, third), last_word(c));
            if (all_)
                line += "  " + c.id;
            line.erase(line.find_last_not_of(' ') + 1);
            out += line + "\n";
        }
        return out;
    }

    ApplianceOptions input_;
    std::string new_;
    std::vector<std::string> approvals_;
    std::string format_ = "text";
    bool all_ = false;
    bool exit_code_ = false;
};

} // namespace

std::unique_ptr<Command> make_diff() {
    return std::make_unique<Diff>();
}

} // namespace septum::cli
