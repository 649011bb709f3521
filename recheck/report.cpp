// SPDX-License-Identifier: Apache-2.0
#include "recheck/report.hpp"

#include <openssl/sha.h>

#include <cstdio>

namespace septum::recheck {

std::string hex(std::uint64_t value) {
    char text[24];
    (void)std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

std::string range(std::uint64_t first, std::uint64_t end) {
    return hex(first) + ".." + hex(end);
}

std::string sha256(Bytes bytes) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(bytes.data(), bytes.size(), digest);
    std::string out;
    for (const unsigned char byte : digest) {
        char two[3];
        (void)std::snprintf(two, sizeof two, "%02x", byte);
        out += two;
    }
    return out;
}

} // namespace septum::recheck
