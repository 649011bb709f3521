// SPDX-License-Identifier: Apache-2.0
// A property: what is claimed, how far the claim reaches, and how it is checked. Each is a file of its own, named after
// its id; shared/ holds what several of them use, and registry.cpp lists them all. docs/catalogue.md is written from
// that list.
#pragma once

#include "verifier/facts/facts.hpp"
#include "verifier/properties/shared/declared.hpp"
#include "verifier/properties/shared/places.hpp"
#include "verifier/verifier.hpp"

namespace septum::verifier {

class Judge;

// What a check may look at.
struct Context {
    const config::Model& model;
    const Declared& declared; // the grants the model declares
    const Facts* facts;       // null when only the model is judged
    const Places* places;     // where the manifest says that it all lies; null without facts
    const Options& options;
};

using Check = void (*)(const Context&, Judge&);

struct Property {
    const char* id;        // `area.name`, stable
    const char* title;     // a few words
    const char* statement; // what `proved` means, exactly
    Level level;           // the furthest it reaches
    const char* rests_on;  // what the claim takes for granted
    const char* manual;    // the specification's section
    const char* mend;      // what to do about a violation
    Check model = nullptr; // the part that needs only the model
    Check bytes = nullptr; // the part that needs the shipped bytes
    // A property without checks has a fixed verdict, with this reason.
    Verdict fixed = Verdict::not_applicable;
    const char* reason = "";
};

// One property, judged.
[[nodiscard]] PropertyResult judge(const Property& property, const Context& context);

} // namespace septum::verifier
