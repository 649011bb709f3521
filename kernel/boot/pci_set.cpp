// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/pci_set.hpp"

namespace septum::kernel::boot {

namespace {

Refusal differs(u32 bdf, Value expected, Value found) {
    return {Code::pci, Value::text("pci"), Value::bdf(bdf), expected, found};
}

} // namespace

Refusal check_pci_set(const Records<manifest::Fact>& facts, const Records<PciFunction>& found) {
    for (const auto& fact : facts) {
        if (fact.kind != manifest::FactKind::pci_function) {
            continue;
        }
        const PciFunction* there = nullptr;
        for (const auto& function : found) {
            if (function.bdf == fact.a) {
                there = &function;
            }
        }
        const Value expected = Value::pci_id(static_cast<u32>(fact.expected));
        if (there == nullptr) {
            return differs(fact.a, expected, {});
        }
        if ((there->id & fact.mask) != (fact.expected & fact.mask)) {
            return differs(fact.a, expected, Value::pci_id(there->id));
        }
    }
    for (const auto& function : found) {
        bool declared = false;
        for (const auto& fact : facts) {
            declared = declared || (fact.kind == manifest::FactKind::pci_function && fact.a == function.bdf);
        }
        if (!declared) {
            return differs(function.bdf, {}, Value::pci_id(function.id));
        }
    }
    return kHolds;
}

} // namespace septum::kernel::boot
