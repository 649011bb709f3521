// SPDX-License-Identifier: Apache-2.0
// septum-attacks: prints docs/attacks.md.
#include "partitions/attacker/list.hpp"

#include <cstdio>

int main() {
    const std::string text = septum::attacker::document();
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0 : 1;
}
