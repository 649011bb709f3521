// SPDX-License-Identifier: Apache-2.0
// septum-mkiso KERNEL BUNDLE -o ISO: puts a kernel and a bundle into an image, unverified. For bringing the kernel up.
#include "build/image/iso.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

std::vector<std::uint8_t> read(const char* path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        std::fprintf(stderr, "error: cannot read `%s`\n", path);
        std::exit(1);
    }
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5 || std::string(argv[3]) != "-o") {
        std::fputs("usage: septum-mkiso KERNEL BUNDLE -o ISO\n", stderr);
        return 64;
    }
    const auto iso = septum::build::make_iso(read(argv[1]), read(argv[2]), {.volume = "septum", .uefi = true});
    for (const auto& d : iso.diagnostics) {
        std::fprintf(stderr, "error[%s]: %s\n", d.id.c_str(), d.message.c_str());
        for (const auto& note : d.notes)
            std::fprintf(stderr, "   = note: %s\n", note.c_str());
        if (!d.help.empty())
            std::fprintf(stderr, "help: %s\n", d.help.c_str());
    }
    if (!iso.ok())
        return 1;
    std::ofstream out(argv[4], std::ios::binary);
    out.write(reinterpret_cast<const char*>(iso.value->data()), static_cast<std::streamsize>(iso.value->size()));
    return out.good() ? 0 : 1;
}
