// SPDX-License-Identifier: Apache-2.0
// Holds what a verdict says against the dumb interpreter: a witness that names a place of a grant is true when that
// grant changed, and no property of grants may be violated when none did.
#pragma once

#include "tests/mutation/interpreter.hpp"
#include "verifier/verifier.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>

namespace septum::mutation {

// Properties that speak of grants alone, not of the form of what grants them.
inline constexpr std::string_view kOfGrants[] = {
    "chan.directed",   "chan.no-exec", "cpu.exclusive", "dma.confined",       "dma.no-passthrough",
    "dma.ats-off",     "flow.policy",  "io.exact",      "io.owned",           "irq.owned",
    "mem.disjoint",    "mem.exact",    "mem.no-alias",  "mem.kernel-private", "mem.memory-type",
    "mem.permissions", "mem.wx",       "msr.exact",     "msr.outside-map"};

class Truth {
public:
    Truth(const Grants& before, const Grants& after) {
        std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                      std::back_inserter(changed_));
    }

    // Nothing when the witness names no place that this can look up, or when something of another kind changed as well,
    // by which the tables ought to grant something else. Nor when no grant changed: then a name or a place in a
    // manifest that was not sealed again is another one, and all that is granted is somebody else's or lies elsewhere.
    [[nodiscard]] std::optional<bool> of(const verifier::PropertyResult& result,
                                         const verifier::Finding& finding) const {
        constexpr struct {
            std::string_view id;
            std::string_view prefix;
            Kind kind;
            std::uint64_t unit; // of the key
        } kPlaces[] = {{"mem.exact", "witness: guest-physical 0x", Kind::memory, 4096},
                       {"mem.permissions", "witness: guest-physical 0x", Kind::memory, 4096},
                       {"mem.memory-type", "witness: guest-physical 0x", Kind::memory, 4096},
                       {"mem.kernel-exact", "witness: virtual 0x", Kind::kernel_memory, 4096},
                       {"dma.confined", "witness: DMA address 0x", Kind::dma, 4096},
                       {"io.exact", "witness: port 0x", Kind::ports, 1},
                       {"msr.exact", "witness: read of MSR 0x", Kind::msr_read, 1},
                       {"msr.exact", "witness: write of MSR 0x", Kind::msr_write, 1}};
        if (finding.diagnostic.notes.empty() || changed_.empty()) {
            return std::nullopt;
        }
        const std::string_view said = finding.diagnostic.notes.front();
        for (const auto& place : kPlaces) {
            const bool only = std::all_of(changed_.begin(), changed_.end(), [&](const Grant& grant) {
                return grant.kind == place.kind || (of_template(grant.kind) && of_template(place.kind));
            });
            if (result.id != place.id || !said.starts_with(place.prefix) || !only) {
                continue;
            }
            const std::uint64_t key =
                std::strtoull(said.data() + place.prefix.size(), nullptr, 16) / place.unit * place.unit;
            return std::any_of(changed_.begin(), changed_.end(),
                               [&](const Grant& grant) { return grant.kind == place.kind && grant.key == key; });
        }
        return std::nullopt;
    }

private:
    // What a VMCB template grants or leads to: a pointer that changes, changes all of it.
    static bool of_template(Kind kind) {
        return kind == Kind::memory || kind == Kind::ports || kind == Kind::msr_read || kind == Kind::msr_write ||
               kind == Kind::intercept || kind == Kind::control;
    }

    Grants changed_;
};

// The id of a property of grants that is violated although nothing is granted otherwise; empty when there is none.
inline std::string accused(const verifier::Report& report) {
    for (const verifier::PropertyResult& result : report.results) {
        if (result.verdict == verifier::Verdict::violated &&
            std::find(std::begin(kOfGrants), std::end(kOfGrants), result.id) != std::end(kOfGrants)) {
            return result.id + (result.findings.empty() ? "" : ": " + result.findings.front().diagnostic.message);
        }
    }
    return {};
}

} // namespace septum::mutation
