// SPDX-License-Identifier: Apache-2.0
// The ways in which a bundle can be wrong, by area.
#pragma once

#include "tests/mutation/editor.hpp"

#include <functional>

namespace septum::mutation {

struct Operator {
    const char* area;
    const char* what;
    unsigned times; // mutants made of it, each with other random choices
    std::function<void(Editor&, Random&)> apply;
    bool seal = true; // false: the digests stay as they were
};

[[nodiscard]] std::vector<Operator> memory_operators();
[[nodiscard]] std::vector<Operator> table_operators(); // permission maps, VMCBs, the kernel's tables, the IOMMU's
[[nodiscard]] std::vector<Operator> manifest_operators();
[[nodiscard]] std::vector<Operator> digest_operators();
// For the machines whose partitions own devices.
[[nodiscard]] std::vector<Operator> device_operators(bool amd_vi);

// Changes that grant nothing else and break no equality: the verdict must stay `proved`.
[[nodiscard]] std::vector<Operator> harmless_operators();

} // namespace septum::mutation
