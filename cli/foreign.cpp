// SPDX-License-Identifier: Apache-2.0
#include "cli/foreign.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

namespace septum::cli {

namespace fs = std::filesystem;

Foreign foreign_kind(const fs::path& file) {
    std::error_code ec;
    if (fs::status(file, ec).type() != fs::file_type::regular)
        return {};
    std::array<char, 6> first{};
    std::ifstream in(file, std::ios::binary);
    in.read(first.data(), static_cast<std::streamsize>(first.size()));
    const std::string_view bytes(first.data(), static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    struct Packer {
        std::string_view magic, name, unpack;
    };
    static constexpr Packer kPackers[] = {{"\x1f\x8b", "gzip", "gunzip -k"},
                                          {"\xfd"
                                           "7zXZ",
                                           "xz", "unxz -k"},
                                          {"\x28\xb5\x2f\xfd", "zstd", "unzstd"},
                                          {"BZh", "bzip2", "bunzip2 -k"},
                                          {"PK\x03\x04", "zip", "unzip"}};
    for (const auto& packer : kPackers)
        if (bytes.starts_with(packer.magic))
            return {"is packed by " + std::string(packer.name),
                    "unpack it first: `" + std::string(packer.unpack) + " " + file.string() + "`"};
    if (bytes.starts_with("\x7f"
                          "ELF"))
        return {"is an ELF file, neither an appliance file nor an image",
                "an appliance file names it as what a partition boots"};
    return {};
}

} // namespace septum::cli
