// SPDX-License-Identifier: Apache-2.0
#include "verifier/alone/alone.hpp"

#include "verifier/properties/shared/judge.hpp"

#include <string_view>

namespace septum::verifier {

namespace {

constexpr const char* kNothing = "";
constexpr const char* kChannels = "channels are those that the image says it has";
constexpr const char* kConsole = "the kernel's console is taken to be at port 0x3f8";
constexpr const char* kBits = "the processor is taken to have 52 physical address bits";
constexpr const char* kUnit = "the IOMMU is the one that the image says it drives";
constexpr const char* kOwners = "devices are owned as the image says, and the IOMMU is the one that it says it drives";

// What compares bytes with bytes. Everything else compares them with what somebody declared.
struct Entry {
    std::string_view id;
    const char* taken;
};
constexpr Entry kJudged[] = {
    {"asid.unique", kNothing},
    {"chan.directed", kChannels},
    {"chan.no-exec", kChannels},
    {"cpu.exclusive", kNothing},
    {"cpuid.filtered", kNothing},
    {"dev.exclusive", kOwners},
    {"dma.absent-blocked", kOwners},
    {"dma.ats-off", kUnit},
    {"dma.confined", kOwners},
    {"dma.no-passthrough", kUnit},
    {"exit.complete", kNothing},
    {"exit.intercepts", kNothing},
    {"flow.declared", kChannels},
    {"image.boot-path", kNothing},
    {"image.digests", kNothing},
    {"image.kernel", kNothing},
    {"image.layout", kNothing},
    {"image.well-formed", kNothing},
    {"io.dangerous", kConsole},
    {"io.owned", kNothing},
    {"irq.ipi", kNothing},
    {"irq.lvt", kNothing},
    {"irq.owned", kOwners},
    {"irq.remapped", kOwners},
    {"irq.source-checked", kOwners},
    {"irq.vectors", kNothing},
    {"mem.disjoint", kChannels},
    {"mem.kernel-exact", kNothing},
    {"mem.kernel-private", kNothing},
    {"mem.no-alias", kNothing},
    {"mem.payload-fits", kNothing},
    {"mem.reserved-bits", kBits},
    {"mem.stack-guards", kNothing},
    {"mem.tables-private", kNothing},
    {"mem.wx", kNothing},
    {"msr.allowlist", kNothing},
    {"msr.outside-map", kNothing},
    {"vmcb.features", kNothing},
    {"vmcb.tables", kNothing},
};

struct Lacking {
    std::string_view area; // the id, or its area
    const char* reason;
};
constexpr Lacking kLacking[] = {
    {"flow.policy", "the policy is in the appliance file"},
    {"cpu.smt-exclusive", "which CPUs are siblings is in the board file"},
    {"board", "the board's facts are in the board file"},
    {"mem.within-board", "the board's memory is in the board file"},
    {"cpu", "what is declared is in the appliance file, and the board's CPUs in the board file"},
    {"dev", "who owns which device is in the appliance file, and what it is in the board file"},
    {"dma", "who owns which device is in the appliance file"},
    {"irq", "who owns which device is in the appliance file"},
    {"pci", "who owns which device is in the appliance file"},
};

} // namespace

Alone alone(const Property& property) {
    const std::string_view id = property.id;
    for (const Entry& entry : kJudged) {
        if (entry.id == id) {
            return {true, entry.taken};
        }
    }
    for (const Lacking& lacking : kLacking) {
        if (id == lacking.area || id.substr(0, id.find('.')) == lacking.area) {
            return {false, lacking.reason};
        }
    }
    return {false, "what is declared is in the appliance file"};
}

PropertyResult judge_alone(const Property& property, const Context& context) {
    const bool fixed = property.model == nullptr && property.bytes == nullptr;
    const Alone how = alone(property);
    if (how.judged && !fixed) {
        Judge judge(property, context);
        property.bytes(context, judge);
        PropertyResult result = std::move(judge).conclude(property.level);
        if (result.verdict == Verdict::proved && *how.reason != '\0') {
            result.reason += (result.reason.empty() ? "" : "; ") + std::string(how.reason);
        }
        return result;
    }
    PropertyResult result;
    result.id = property.id;
    result.title = property.title;
    result.level = property.level;
    result.verdict = fixed ? property.fixed : Verdict::not_judged;
    result.reason = fixed ? property.reason : how.reason;
    return result;
}

} // namespace septum::verifier
