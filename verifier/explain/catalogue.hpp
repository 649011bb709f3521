// SPDX-License-Identifier: Apache-2.0
// The catalogue of properties as people read it: docs/catalogue.md is this text, and a test fails when it is not.
#pragma once

#include <string>

namespace septum::verifier {

[[nodiscard]] std::string catalogue(); // Markdown

} // namespace septum::verifier
