// SPDX-License-Identifier: Apache-2.0
// septum-ask FILE SEED: what Z3 says to an SMT-LIB 2 script, starting from another seed.
#include <z3++.h>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: septum-ask FILE SEED\n";
        return 64;
    }
    try {
        z3::context context;
        z3::solver solver(context, z3::solver::simple());
        z3::params params(context);
        const auto seed = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
        params.set("random_seed", seed);
        solver.set(params);
        solver.from_file(argv[1]);
        std::cout << solver.check() << '\n';
        return 0;
    } catch (const z3::exception& e) {
        std::cerr << "error: " << e.msg() << '\n';
        return 1;
    }
}
