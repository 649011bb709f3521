// SPDX-License-Identifier: Apache-2.0
#include "cli/digest.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

namespace septum::cli {

std::string sha256(std::span<const std::uint8_t> bytes) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(bytes.data(), bytes.size(), digest);
    std::string text;
    for (const unsigned char byte : digest)
        text += fmt::format("{:02x}", byte);
    return text;
}

} // namespace septum::cli
