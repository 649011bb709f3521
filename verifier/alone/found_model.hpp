// SPDX-License-Identifier: Apache-2.0
// The model that an image claims to be of, for when nobody holds its appliance file: names, ends of channels, owners of
// devices, as the manifest states them. It has no places in files, and nothing in it is a declaration.
#pragma once

#include "config/model.hpp"
#include "verifier/facts/facts.hpp"

namespace septum::verifier {

[[nodiscard]] config::Model found_model(const Facts& facts);

} // namespace septum::verifier
