// SPDX-License-Identifier: Apache-2.0
#include "verifier/explain/catalogue.hpp"

#include "verifier/properties/registry.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Generated from verifier/properties/ by septum-catalogue. Do not edit: change the property, then run
     `septum-catalogue > docs/catalogue.md`. A test compares. -->
# The property catalogue

Everything that the verifier judges. Each property has a stable id, and a level that says how far its claim reaches:

- **model**: judged on the appliance file and the board file alone;
- **bytes**: judged on the decoded bytes that ship. Where a property also has a part that needs only the model,
  `septum check` and a pull request learn of it before anything is built;
- **checked-at-boot**: the kernel does or checks it on the machine. That is tested, and it is not a proof.

A verdict is `proved`, `violated` with a witness, `inconclusive`, `disagreed`, `not-applicable` with the reason, or `checked-at-boot`.
Only `proved` is a proof. Properties of the bytes over addresses, ports, registers and ids are shown twice: by exhaustive
enumeration, and by a Z3 query over the same decoded facts. If the two disagree the verdict is `disagreed`.
)";

constexpr std::string_view kOutside = R"(
## Outside every claim

Timing and cache channels that no counter-measure in the configuration covers; system management mode and other firmware;
errata of the processor; DMA before the IOMMU is on; the emulator, when the machine is one.
)";

struct Area {
    const char* prefix;
    const char* title;
};
constexpr Area kAreas[] = {
    {"mem", "Memory"},
    {"cpu", "Processors"},
    {"asid", "Processors"},
    {"cache", "Processors"},
    {"sched", "Time"},
    {"io", "Ports"},
    {"pci", "Ports"},
    {"msr", "Model-specific registers"},
    {"cpuid", "What a guest sees and is"},
    {"acpi", "What a guest sees and is"},
    {"part", "What a guest sees and is"},
    {"exit", "Exits"},
    {"vmcb", "Exits"},
    {"chan", "Communication"},
    {"flow", "Communication"},
    {"dev", "Devices"},
    {"dma", "Devices"},
    {"irq", "Interrupts"},
    {"image", "The image"},
    {"board", "The board"},
};

std::string area_of(std::string_view id) {
    const std::string_view prefix = id.substr(0, id.find('.'));
    for (const Area& area : kAreas) {
        if (prefix == area.prefix) {
            return area.title;
        }
    }
    return "Others";
}

std::string levels(const Property& property) {
    const bool earlier = property.model != nullptr && property.bytes != nullptr;
    return fmt::format("{}{}", name(property.level), earlier ? ", in part on the model alone" : "");
}

void describe(const Property& property, std::string& out) {
    out += fmt::format("\n### `{}`: {}\n\n{}\n\n", property.id, property.title, property.statement);
    out += fmt::format("- level: {}\n", levels(property));
    if (property.model == nullptr && property.bytes == nullptr) {
        out += fmt::format("- today: {}, because {}\n", name(property.fixed), property.reason);
    }
    if (*property.rests_on != '\0') {
        out += fmt::format("- rests on: {}\n", property.rests_on);
    }
    if (*property.manual != '\0') {
        out += fmt::format("- manual: {}\n", property.manual);
    }
    if (*property.mend != '\0') {
        out += fmt::format("- to mend: {}\n", property.mend);
    }
}

} // namespace

std::string catalogue() {
    std::vector<std::string> order;
    std::map<std::string, std::vector<const Property*>> areas;
    for (const Area& area : kAreas) {
        if (std::find(order.begin(), order.end(), area.title) == order.end()) {
            order.emplace_back(area.title);
        }
    }
    order.emplace_back("Others");
    for (const Property* property : registry()) {
        areas[area_of(property->id)].push_back(property);
    }
    std::string out{kIntroduction};
    out += fmt::format("\n{} properties.\n", registry().size());
    for (const std::string& area : order) {
        if (areas[area].empty()) {
            continue;
        }
        out += fmt::format("\n## {}\n", area);
        for (const Property* property : areas[area]) {
            describe(*property, out);
        }
    }
    out += kOutside;
    return out;
}

} // namespace septum::verifier
