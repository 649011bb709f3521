// SPDX-License-Identifier: Apache-2.0
// Collects what a check finds, and draws the verdict. A check can't say `proved`: it can only fail to find anything
// wrong, by as many ways as it has.
#pragma once

#include "verifier/properties/property.hpp"
#include "verifier/smt/query.hpp"
#include "verifier/smt/record.hpp"

#include <optional>
#include <utility>

namespace septum::verifier {

// One thing wrong, in words. `partitions` and `key` make the fingerprint; `help` is the property's own when empty.
struct Said {
    std::string message = {};
    std::vector<std::string> partitions = {};
    std::string key = {};
    std::string witness = {}; // "host-physical 0x40200000"
    config::Span primary = {};
    std::string label = {};
    std::vector<config::Label> related = {};
    std::vector<std::string> notes = {};
    std::string help = {};
};

class Judge {
public:
    Judge(const Property& property, const Context& context) : property_(property), context_(context) {}

    void violated(Said said);
    // The claim has no meaning for this appliance. Counts only when nothing else was found.
    void not_applicable(std::string reason);
    // Neither shown nor refuted.
    void inconclusive(std::string reason);
    // A line of the model that the claim uses.
    void rests_on(const config::Span& span);

    // The same question put to the solver. `holds` is what enumeration answered; they must agree.
    template <typename Ask>
    void solver_agrees(bool holds, Ask&& ask) {
        if (!two_ways(holds)) {
            return;
        }
        std::vector<smt::Question> questions;
        std::optional<smt::Recording> recording;
        if (context_.options.obligations != nullptr) {
            recording.emplace(questions);
        }
        compare(holds, std::forward<Ask>(ask)(context_.options.timeout_ms));
        keep(std::move(questions));
    }

    [[nodiscard]] std::size_t found() const { return result_.findings.size() + unlisted_; }
    [[nodiscard]] PropertyResult conclude(Level level) &&;

private:
    [[nodiscard]] bool two_ways(bool holds);
    void keep(std::vector<smt::Question> questions);
    void compare(bool holds, const smt::Answer& answer);

    static constexpr std::size_t kListed = 32; // findings kept; what follows is counted

    const Property& property_;
    const Context& context_;
    PropertyResult result_;
    std::size_t unlisted_ = 0;
    std::string not_applicable_;
    std::string inconclusive_;
};

} // namespace septum::verifier
