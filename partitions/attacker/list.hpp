// SPDX-License-Identifier: Apache-2.0
// attacks.def for the host: what docs/attacks.md and the tests are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace septum::attacker {

struct Listed {
    std::string id; // area.name, with `-` for `_`
    std::string_view area;
    std::string_view cpus;   // each, one, two
    std::string_view demo;   // demo, suite
    unsigned lives;          // launches it takes, at least 1
    std::string_view expect; // stopped, harmless, either, restarted
    std::string_view words;  // how the kernel's line on the fault begins; empty unless stopped or either
    std::string_view what;   // completes "it tries to …"
};

// All attacks in the order in which they are tried.
const std::vector<Listed>& list();

// docs/attacks.md, whole.
std::string document();

} // namespace septum::attacker
