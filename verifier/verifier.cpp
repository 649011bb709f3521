// SPDX-License-Identifier: Apache-2.0
// The three entrances of the judge: they read what there is to read, then ask every registered property.
#include "verifier/verifier.hpp"

#include "verifier/alone/alone.hpp"
#include "verifier/alone/found_model.hpp"
#include "verifier/facts/facts.hpp"
#include "verifier/properties/registry.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

namespace septum::verifier {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// A check that fails to finish has shown nothing.
PropertyResult judge_safely(const Property& property, const Context& context, bool image_alone) {
    PropertyResult result;
    try {
        return image_alone ? judge_alone(property, context) : judge(property, context);
    } catch (const std::exception& e) {
        result.reason = std::string("the check failed: ") + e.what();
    } catch (...) {
        result.reason = "the check failed";
    }
    result.id = property.id;
    result.title = property.title;
    result.level = property.level;
    result.verdict = Verdict::inconclusive;
    return result;
}

Report judge_all(const config::Model& model, const Facts* facts, const Options& options, bool image_alone = false) {
    const Declared declared = declare(model);
    Places places;
    if (facts != nullptr) {
        places = locate(model, declared, *facts);
    }
    const Context context{model, declared, facts, facts == nullptr ? nullptr : &places, options};
    Report report;
    report.image_alone = image_alone;
    report.results.reserve(registry().size());
    for (const Property* property : registry()) {
        report.results.push_back(judge_safely(*property, context, image_alone));
    }
    std::sort(report.results.begin(), report.results.end(),
              [](const PropertyResult& a, const PropertyResult& b) { return a.id < b.id; });
    return report;
}

ReadOptions read_options(const config::Model& model) {
    return {.physical_address_bits = model.board.physical_address_bits, .pages_1g = model.board.huge_pages_1g};
}

Report verify(const config::Model& model, const config::Outcome<Facts>& facts, Clock::time_point start,
              const Options& options) {
    Report report;
    if (facts.ok()) {
        report = judge_all(model, &*facts.value, options);
        report.image_digest =
            std::to_array(facts.value->image ? facts.value->image->digest.bytes : facts.value->bundle.digest.bytes);
    } else {
        // Nothing that could be judged is there; the model still can.
        report = judge_all(model, nullptr, options);
        report.defects = facts.diagnostics;
        if (report.defects.empty()) {
            report.defects.push_back(decode::error("image.unreadable", "the image could not be read"));
        }
    }
    report.seconds = since(start);
    return report;
}

} // namespace

std::size_t Report::count(Verdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(results.begin(), results.end(), [&](const PropertyResult& r) { return r.verdict == verdict; }));
}

bool Report::proved() const {
    return defects.empty() && count(Verdict::violated) == 0 && count(Verdict::inconclusive) == 0 &&
           count(Verdict::disagreed) == 0 && (image_alone || count(Verdict::not_judged) == 0) &&
           results.size() == registry().size();
}

Report verify_model(const config::Model& model, const Options& options) {
    const Clock::time_point start = Clock::now();
    Report report = judge_all(model, nullptr, options);
    report.seconds = since(start);
    return report;
}

Report verify_image(const config::Model& model, std::span<const std::uint8_t> image, const Options& options) {
    const Clock::time_point start = Clock::now();
    return verify(model, read_image(image, read_options(model)), start, options);
}

Report verify_bundle(const config::Model& model, std::span<const std::uint8_t> kernel,
                     std::span<const std::uint8_t> bundle, const Options& options) {
    const Clock::time_point start = Clock::now();
    return verify(model, read_bundle(kernel, bundle, read_options(model)), start, options);
}

Report verify_image_alone(std::span<const std::uint8_t> image, const Options& options) {
    const Clock::time_point start = Clock::now();
    const config::Outcome<Facts> facts = read_image(image);
    Report report;
    if (facts.ok()) {
        report = judge_all(found_model(*facts.value), &*facts.value, options, true);
        report.image_digest = std::to_array(facts.value->image->digest.bytes);
    } else {
        report.image_alone = true;
        report.defects = facts.diagnostics;
        if (report.defects.empty()) {
            report.defects.push_back(decode::error("image.unreadable", "the image could not be read"));
        }
    }
    report.seconds = since(start);
    return report;
}

const char* name(Verdict verdict) {
    switch (verdict) {
    case Verdict::proved:
        return "proved";
    case Verdict::violated:
        return "violated";
    case Verdict::inconclusive:
        return "inconclusive";
    case Verdict::disagreed:
        return "disagreed";
    case Verdict::not_applicable:
        return "not-applicable";
    case Verdict::not_judged:
        return "not-judged";
    case Verdict::checked_at_boot:
        break;
    }
    return "checked-at-boot";
}

const char* name(Level level) {
    switch (level) {
    case Level::model:
        return "model";
    case Level::bytes:
        return "bytes";
    case Level::handler:
        return "handler";
    case Level::checked_at_boot:
        break;
    }
    return "checked-at-boot";
}

} // namespace septum::verifier
