// SPDX-License-Identifier: Apache-2.0
// Writes the catalogue of properties to standard output.
#include "verifier/explain/catalogue.hpp"

#include <cstdio>

int main() {
    return std::fputs(septum::verifier::catalogue().c_str(), stdout) < 0 ? 1 : 0;
}
