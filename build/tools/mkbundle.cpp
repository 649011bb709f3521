// SPDX-License-Identifier: Apache-2.0
// septum-mkbundle APPLIANCE KERNEL [DIR…] -o BUNDLE: the bundle without image and proof, to bring up the kernel with.
#include "build/build.hpp"
#include "config/model.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

int main(int argc, char** argv) {
    using namespace septum;
    std::vector<std::filesystem::path> places;
    std::filesystem::path output;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
            output = argv[++i];
        } else {
            places.emplace_back(argv[i]);
        }
    }
    if (places.size() < 2 || output.empty()) {
        std::cerr << "usage: septum-mkbundle APPLIANCE KERNEL [DIR...] -o BUNDLE\n";
        return 64;
    }
    config::LoadOptions options;
    options.board_dirs.emplace_back(SEPTUM_BOARD_DIR);
    const config::Loaded loaded = config::load(places[0], options);
    const auto report = [&loaded](const std::vector<config::Diagnostic>& diagnostics) {
        for (const auto& diagnostic : diagnostics) {
            std::cerr << config::render(diagnostic, loaded.sources, false);
        }
    };
    report(loaded.diagnostics);
    if (!loaded.model) {
        return 2;
    }
    std::ifstream kernel_file(places[1], std::ios::binary);
    const build::Bytes kernel((std::istreambuf_iterator<char>(kernel_file)), std::istreambuf_iterator<char>());
    const auto payloads = build::read_payloads(*loaded.model, {places.begin() + 2, places.end()});
    report(payloads.diagnostics);
    if (!payloads.ok()) {
        return 2;
    }
    const auto bundle = build::make_bundle(*loaded.model, kernel, *payloads.value);
    report(bundle.diagnostics);
    if (!bundle.ok()) {
        return 2;
    }
    std::ofstream out(output, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bundle.value->bytes.data()),
              static_cast<std::streamsize>(bundle.value->bytes.size()));
    out.close();
    std::cout << bundle.value->lock;
    return out ? 0 : 1;
}
