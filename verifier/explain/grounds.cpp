// SPDX-License-Identifier: Apache-2.0
#include "verifier/explain.hpp"

#include "verifier/explain/declarations.hpp"
#include "verifier/explain/examples.hpp"
#include "verifier/properties/registry.hpp"

#include <algorithm>
#include <tuple>

namespace septum::verifier {

namespace {

PropertyResult judged(const Property& property, const config::Model& model, const Facts* facts,
                      const Options& options) {
    const Declared declared = declare(model);
    Places places;
    if (facts != nullptr) {
        places = locate(model, declared, *facts);
    }
    const Context context{model, declared, facts, facts == nullptr ? nullptr : &places, options};
    return judge(property, context);
}

} // namespace

std::optional<PropertyText> property_text(const std::string& id) {
    const Property* property = find_property(id);
    if (property == nullptr) {
        return std::nullopt;
    }
    return PropertyText{property->id,       property->title,  property->statement, example_of(id),  property->level,
                        property->rests_on, property->manual, property->mend,      property->reason};
}

std::vector<std::string> property_ids() {
    std::vector<std::string> out;
    for (const Property* property : registry()) {
        out.emplace_back(property->id);
    }
    std::sort(out.begin(), out.end());
    return out;
}

Grounds grounds(const std::string& id, const config::Model& model, std::span<const std::uint8_t> image,
                const Options& options) {
    Grounds out;
    const Property& property = *find_property(id);
    config::Outcome<Facts> facts;
    if (!image.empty()) {
        facts = read_image(
            image, {.physical_address_bits = model.board.physical_address_bits, .pages_1g = model.board.huge_pages_1g});
        if (!facts.ok()) {
            out.defects = facts.diagnostics;
        }
    }
    const Facts* const found = facts.ok() ? &*facts.value : nullptr;
    out.result = judged(property, model, found, options);
    const std::vector<Declaration> all = declarations(model);
    out.declarations = all.size();
    if (out.result.verdict != Verdict::proved) {
        return out;
    }
    // Whoever is left out once stays out: what remains is minimal, and the order makes it the same each time.
    std::vector<bool> kept(all.size(), true);
    for (std::size_t i = 0; i < all.size(); ++i) {
        kept[i] = false;
        const PropertyResult without = judged(property, reduced(model, all, kept), found, options);
        // A property that no longer applies is not shown either.
        kept[i] = without.verdict != Verdict::proved;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (kept[i]) {
            out.lines.push_back({all[i].span, all[i].what});
        }
    }
    std::sort(out.lines.begin(), out.lines.end(), [](const Ground& a, const Ground& b) {
        return std::tie(a.span.file, a.span.line, a.span.column, a.what) <
               std::tie(b.span.file, b.span.line, b.span.column, b.what);
    });
    return out;
}

} // namespace septum::verifier
