// SPDX-License-Identifier: Apache-2.0
// The other side of the comparison: the appliance file says something else than the bundle was made from.
#pragma once

#include "tests/mutation/interpreter.hpp"

namespace septum::mutation {

struct ModelMutant {
    const char* what;
    const char* from; // this text, wherever the appliance has it
    const char* to;
};
[[nodiscard]] std::vector<ModelMutant> model_mutants();
[[nodiscard]] std::vector<ModelMutant> device_model_mutants(); // of the machines with devices

// What a model grants and demands, page by page and port by port, read off it without the verifier.
[[nodiscard]] Grants demanded(const config::Model& model);

} // namespace septum::mutation
