// SPDX-License-Identifier: Apache-2.0
// Properties in prose, and which lines of the user's files a proof stands on.
#pragma once

#include "verifier/verifier.hpp"

namespace septum::verifier {

struct PropertyText {
    std::string id;
    std::string title;
    std::string statement; // what `proved` means
    std::string example;   // one thing that it would find
    Level level = Level::model;
    std::string rests_on; // what the claim takes for granted
    std::string manual;
    std::string mend;
    std::string reason; // for one with a fixed verdict: why
};

[[nodiscard]] std::optional<PropertyText> property_text(const std::string& id);
[[nodiscard]] std::vector<std::string> property_ids(); // sorted

// A declaration that the proof needs: without it, the property is no longer proved.
struct Ground {
    config::Span span;
    std::string what; // "channel `word`"
};

struct Grounds {
    PropertyResult result;
    // A minimal set, found by leaving out one declaration after the other and judging anew, both ways: with these alone
    // the property is proved, and without any one of them it is not. Empty unless `result` is proved.
    std::vector<Ground> lines;
    std::size_t declarations = 0;            // how many there are in all
    std::vector<config::Diagnostic> defects; // the image could not be read
};

// `image` may be empty: then the model alone is judged. `id` is registered.
[[nodiscard]] Grounds grounds(const std::string& id, const config::Model& model, std::span<const std::uint8_t> image,
                              const Options& options);

} // namespace septum::verifier
