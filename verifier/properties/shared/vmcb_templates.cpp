// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/vmcb_templates.hpp"

#include "verifier/properties/shared/wording.hpp"

#include <array>

#include <fmt/format.h>

namespace septum::verifier {

std::array<bool, decode::kInterceptBits> mandatory_intercepts() {
    std::array<bool, decode::kInterceptBits> out{};
    for (const Intercept intercept : kMandatoryIntercepts) {
        out[static_cast<unsigned>(intercept)] = true;
    }
    return out;
}

std::vector<VmcbTemplate> vmcb_templates(const Facts& facts) {
    std::vector<VmcbTemplate> out;
    for (const PartitionFacts& partition : facts.partitions) {
        out.push_back({&partition, &partition.vmcb_boot, "boot"});
        out.push_back({&partition, &partition.vmcb_ap, "application"});
    }
    return out;
}

void say_of(Judge& judge, const VmcbTemplate& of, std::string message, std::string key) {
    judge.violated({.message = std::move(message),
                    .partitions = {of.facts->name},
                    .key = fmt::format("{}:{}", of.name, key),
                    .witness = "host-physical " + address(of.vmcb->address)});
}

void check_intercept_bits(const Context& context, Judge& judge, bool lacking, const char* query) {
    const std::array<bool, decode::kInterceptBits> required = mandatory_intercepts();
    const std::vector<VmcbTemplate> all = vmcb_templates(*context.facts);
    Pieces found_pieces;
    Pieces required_pieces;
    bool holds = true;
    for (std::size_t t = 0; t < all.size(); ++t) {
        for (unsigned b = 0; b < decode::kInterceptBits; ++b) {
            const std::uint64_t place = t << kTemplateShift | b;
            const bool found = all[t].vmcb->intercepted_bit(b);
            if (found) {
                found_pieces.push_back({place, place + 1, 1});
            }
            if (required[b]) {
                required_pieces.push_back({place, place + 1, 1});
            }
            if (lacking ? required[b] && !found : found && !required[b]) {
                holds = false;
                say_of(judge, all[t],
                       lacking
                           ? fmt::format("the {} CPU's VMCB template of `{}` does not intercept {}", all[t].name,
                                         all[t].facts->name, decode::intercept_name(b))
                           : fmt::format("the {} CPU's VMCB template of `{}` intercepts {}, which the kernel does not "
                                         "answer",
                                         all[t].name, all[t].facts->name, decode::intercept_name(b)),
                       decode::intercept_name(b));
            }
        }
    }
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return lacking ? smt::within(query, united(required_pieces), united(found_pieces), timeout)
                       : smt::within(query, united(found_pieces), united(required_pieces), timeout);
    });
}

} // namespace septum::verifier
