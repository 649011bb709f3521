// SPDX-License-Identifier: Apache-2.0
// mutation-sum FILE…: adds up what the processes that shared the mutation test wrote, and says whether it is enough.
#include "tests/mutation/tally.hpp"

#include <cstdio>

int main(int argc, char** argv) {
    namespace mutation = septum::mutation;
    if (argc < 2) {
        std::fputs("usage: mutation-sum FILE...\n", stderr);
        return 64;
    }
    mutation::Tally tally;
    for (int i = 1; i < argc; ++i) {
        if (!mutation::add(tally, argv[i])) {
            std::fprintf(stderr, "%s: expected a tally that ends with its last line; it is not there or not whole\n",
                         argv[i]);
            return 1;
        }
    }
    std::string wanting;
    for (const mutation::Machine machine :
         {mutation::Machine::x2apic, mutation::Machine::xapic, mutation::Machine::vt_d, mutation::Machine::amd_vi}) {
        mutation::print(mutation::name(machine), tally[mutation::name(machine)]);
        wanting += mutation::wanting(machine, tally[mutation::name(machine)]);
    }
    std::fputs(wanting.c_str(), stderr);
    return wanting.empty() ? 0 : 1;
}
