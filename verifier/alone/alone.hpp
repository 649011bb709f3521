// SPDX-License-Identifier: Apache-2.0
// Which properties need nobody's word: the image is judged for itself.
#pragma once

#include "verifier/properties/property.hpp"

namespace septum::verifier {

// How far `property` can be judged on an image alone.
struct Alone {
    bool judged = false;
    const char* reason = ""; // not judged: what it would be compared with; judged: what was taken from the image
};
[[nodiscard]] Alone alone(const Property& property);

// The bytes part of the property, over the model that the image claims; or `not_judged`, with the reason.
[[nodiscard]] PropertyResult judge_alone(const Property& property, const Context& context);

} // namespace septum::verifier
