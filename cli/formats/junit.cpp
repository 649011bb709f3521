// SPDX-License-Identifier: Apache-2.0
// JUnit XML, as CI servers read it: one test case a property. What is not proved is never a passed case: it failed,
// is an error, or is skipped with the reason.
#include "cli/formats/formats.hpp"
#include "cli/formats/markup.hpp"

#include <fmt/format.h>
#include <map>

namespace septum::cli {
namespace {

struct Case {
    std::string group;
    std::string name;
    std::string outcome; // XML inside the case
};

struct Suite {
    std::string cases;
    std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;

    void add(const std::string& group, const std::string& name, const std::string& outcome) {
        tests++;
        cases += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", escape_markup(group), escape_markup(name));
        cases += outcome.empty() ? "/>\n" : ">\n" + outcome + "    </testcase>\n";
    }
    void add_skipped(const std::string& group, const std::string& name, const std::string& why) {
        skipped++;
        add(group, name, fmt::format("      <skipped message=\"{}\"/>\n", escape_markup(why)));
    }
    void add_failed(const std::string& group, const std::string& name, const std::string& why,
                    const std::string& text) {
        failures++;
        add(group, name,
            fmt::format("      <failure message=\"{}\">{}</failure>\n", escape_markup(why), escape_markup(text)));
    }
    // Passed, with something to read: a warning breaks nothing, and the exit code says so, too.
    void add_passed(const std::string& group, const std::string& name, const std::string& text) {
        add(group, name, fmt::format("      <system-out>{}</system-out>\n", escape_markup(text)));
    }
    void add_error(const std::string& group, const std::string& name, const std::string& why, const std::string& text) {
        errors++;
        add(group, name,
            fmt::format("      <error message=\"{}\">{}</error>\n", escape_markup(why), escape_markup(text)));
    }
};

void add_property(const Answer& answer, const verifier::PropertyResult& result, Suite& suite) {
    using verifier::Verdict;
    const std::string group = "septum." + result.id.substr(0, result.id.find('.'));
    std::string text;
    for (const auto& finding : result.findings)
        text += (text.empty() ? "" : "\n") + config::render(finding.diagnostic, answer.sources, false);
    switch (result.verdict) {
    case Verdict::proved:
        suite.add(group, result.id, "");
        break;
    case Verdict::violated:
        if (answer.acknowledged_whole(result))
            suite.add_skipped(group, result.id,
                              "violated and acknowledged: " + answer.in_force(result.findings[0].fingerprint)->reason);
        else
            suite.add_failed(group, result.id,
                             result.findings.empty() ? result.title : result.findings[0].diagnostic.message, text);
        break;
    case Verdict::inconclusive:
        suite.add_error(group, result.id, "inconclusive: " + result.reason, text);
        break;
    case Verdict::disagreed:
        suite.add_error(group, result.id, result.reason, text);
        break;
    case Verdict::not_applicable:
        suite.add_skipped(group, result.id, "not applicable: " + result.reason);
        break;
    case Verdict::not_judged:
        suite.add_skipped(group, result.id, "not judged: " + result.reason);
        break;
    case Verdict::checked_at_boot:
        suite.add_skipped(group, result.id, "checked at boot: " + result.reason);
        break;
    }
}

} // namespace

std::string as_junit(const Answer& answer) {
    Suite suite;
    const std::string reading = "septum.input";
    for (const auto& item : answer.items()) {
        if (item.result != nullptr)
            continue;
        const auto line = config::render_short(item.diagnostic, answer.sources);
        const auto name = line.substr(0, line.find('\n'));
        const auto text = config::render(item.diagnostic, answer.sources, false);
        if (item.diagnostic.severity == config::Severity::error)
            suite.add_failed(reading, name, item.diagnostic.message, text);
        else
            suite.add_passed(reading, name, text);
    }
    for (const auto& d : answer.failures())
        suite.add_error(reading, d.id, d.message, config::render(d, answer.sources, false));
    if (suite.tests == 0)
        suite.add(reading, answer.appliance + " is well written", "");
    if (answer.report)
        for (const auto& result : answer.report->results)
            add_property(answer, result, suite);
    const auto counts = fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"", suite.tests,
                                    suite.failures, suite.errors, suite.skipped);
    return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0}>\n  <testsuite name=\"septum {1}: "
                       "{2}\" {0}>\n{3}  </testsuite>\n</testsuites>\n",
                       counts, escape_markup(answer.command), escape_markup(answer.appliance), suite.cases);
}

} // namespace septum::cli
