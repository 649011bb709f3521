// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/judge.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// Names, not lines: a finding keeps its fingerprint when the file is edited elsewhere.
std::string fingerprint(const Property& property, const Said& said) {
    std::string text = property.id;
    text += ':';
    for (std::size_t i = 0; i < said.partitions.size(); ++i) {
        text += (i == 0 ? "" : "+") + said.partitions[i];
    }
    if (!said.key.empty()) {
        text += ':' + said.key;
    }
    return text;
}

Verdict verdict_of(smt::Result result) {
    switch (result) {
    case smt::Result::proved:
        return Verdict::proved;
    case smt::Result::violated:
        return Verdict::violated;
    default:
        return Verdict::inconclusive;
    }
}

} // namespace

void Judge::violated(Said said) {
    if (result_.findings.size() == kListed) {
        ++unlisted_;
        return;
    }
    std::sort(said.partitions.begin(), said.partitions.end());
    said.partitions.erase(std::unique(said.partitions.begin(), said.partitions.end()), said.partitions.end());
    Finding finding;
    finding.fingerprint = fingerprint(property_, said);
    finding.partitions = std::move(said.partitions);
    config::Diagnostic& diagnostic = finding.diagnostic;
    diagnostic.severity = config::Severity::error;
    diagnostic.id = property_.id;
    diagnostic.message = std::move(said.message);
    diagnostic.primary = said.primary;
    diagnostic.label = std::move(said.label);
    diagnostic.related = std::move(said.related);
    if (!said.witness.empty()) {
        diagnostic.notes.push_back("witness: " + said.witness);
    }
    for (std::string& note : said.notes) {
        diagnostic.notes.push_back(std::move(note));
    }
    diagnostic.help = said.help.empty() ? property_.mend : std::move(said.help);
    result_.findings.push_back(std::move(finding));
}

void Judge::not_applicable(std::string reason) {
    not_applicable_ = std::move(reason);
}

void Judge::inconclusive(std::string reason) {
    if (inconclusive_.empty()) {
        inconclusive_ = std::move(reason);
    }
}

void Judge::rests_on(const config::Span& span) {
    if (span.known()) {
        result_.rests_on.push_back(span);
    }
}

bool Judge::two_ways(bool holds) {
    const Verdict verdict = holds ? Verdict::proved : Verdict::violated;
    if (!result_.by_enumeration || verdict == Verdict::violated) {
        result_.by_enumeration = verdict;
    }
    return context_.options.solver;
}

void Judge::keep(std::vector<smt::Question> questions) {
    for (smt::Question& question : questions) {
        std::string text =
            fmt::format("; {}: {}\n(set-logic {})\n{}", property_.id, question.query, question.logic, question.smt_lib);
        context_.options.obligations->push_back(
            {property_.id, std::move(question.query), std::move(text), question.satisfiable});
    }
}

void Judge::compare(bool holds, const smt::Answer& answer) {
    const Verdict solver = verdict_of(answer.result);
    const bool worse = !result_.by_solver || *result_.by_solver == Verdict::proved;
    if (worse) {
        result_.by_solver = solver;
    }
    if (answer.result == smt::Result::timeout) {
        inconclusive(fmt::format("the solver did not answer query `{}` within {} ms: give it longer by "
                                 "`--solver-timeout`",
                                 answer.query, context_.options.timeout_ms));
    } else if (solver == Verdict::inconclusive) {
        inconclusive(fmt::format("query `{}`: {}{}{}", answer.query, smt::name(answer.result),
                                 answer.detail.empty() ? "" : ": ", answer.detail));
    } else if ((solver == Verdict::proved) != holds) {
        inconclusive(fmt::format("the two ways disagree: enumeration says {}, the solver says {} (query `{}`{})",
                                 holds ? "proved" : "violated", smt::name(answer.result), answer.query,
                                 solver == Verdict::violated ? fmt::format(", key {:#x}", answer.witness) : ""));
    }
}

PropertyResult Judge::conclude(Level level) && {
    result_.id = property_.id;
    result_.title = property_.title;
    result_.level = level;
    const bool disagree = inconclusive_.starts_with("the two ways disagree");
    if (disagree || (!inconclusive_.empty() && result_.findings.empty())) {
        result_.verdict = disagree ? Verdict::disagreed : Verdict::inconclusive;
        result_.reason = inconclusive_;
    } else if (!result_.findings.empty()) {
        result_.verdict = Verdict::violated;
        if (unlisted_ != 0) {
            result_.reason = fmt::format("{} more findings are not listed", unlisted_);
        }
    } else if (!not_applicable_.empty()) {
        result_.verdict = Verdict::not_applicable;
        result_.reason = not_applicable_;
    } else {
        result_.verdict = Verdict::proved;
        if (result_.by_enumeration && !result_.by_solver) {
            result_.reason = "by enumeration only: the solver was not asked";
        }
    }
    std::sort(result_.rests_on.begin(), result_.rests_on.end(), [](const config::Span& a, const config::Span& b) {
        return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
    });
    result_.rests_on.erase(std::unique(result_.rests_on.begin(), result_.rests_on.end()), result_.rests_on.end());
    return std::move(result_);
}

PropertyResult judge(const Property& property, const Context& context) {
    if (property.model == nullptr && property.bytes == nullptr) {
        PropertyResult result;
        result.id = property.id;
        result.title = property.title;
        result.level = property.level;
        result.verdict = property.fixed;
        result.reason = property.reason;
        return result;
    }
    Judge judge(property, context);
    Level level = property.level;
    if (property.model != nullptr) {
        property.model(context, judge);
    }
    if (context.facts == nullptr) {
        if (property.model == nullptr) {
            judge.not_applicable("no image given");
        } else {
            level = Level::model;
        }
    } else if (property.bytes != nullptr) {
        property.bytes(context, judge);
    }
    return std::move(judge).conclude(level);
}

} // namespace septum::verifier
