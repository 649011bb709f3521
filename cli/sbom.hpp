// SPDX-License-Identifier: Apache-2.0
// What an image was made of: a bill of materials (SPDX 2.3) and its provenance (in-toto statement, SLSA provenance 1).
// Neither has a time or a path of the machine: the same inputs give the same bytes.
#pragma once

#include "config/source.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace septum::cli {

struct Ingredient {
    std::string name;   // as the user's files name it; of what boots the image, where it lies in it
    std::string kind;   // "appliance", "boot", "kernel", "payload"
    std::string digest; // SHA-256, hexadecimal
};

struct Ingredients {
    std::string appliance; // its name
    std::string target;    // "iso", "disk", "netboot"
    std::string image;     // the file's name without folders
    std::string image_digest;
    std::vector<Ingredient> parts; // sorted by (kind, name)
};

[[nodiscard]] std::string spdx(const Ingredients& made_of);
[[nodiscard]] std::string provenance(const Ingredients& made_of);

} // namespace septum::cli
