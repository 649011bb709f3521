// SPDX-License-Identifier: Apache-2.0
#include "recheck/report.hpp"

#include <openssl/sha.h>

#include <cstdio>

namespace septum::recheck {

Bytes part(Bytes bytes, std::uint64_t first, std::uint64_t size) {
    if (first > bytes.size() || size > bytes.size() - first)
        throw Unreadable("the image is cut short: it has to hold " + hex(size) + " bytes more at " + hex(first));
    return bytes.subspan(first, size);
}

std::string hex(std::uint64_t value) {
    char text[24];
    (void)std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

std::string range(std::uint64_t first, std::uint64_t end) {
    return hex(first) + ".." + hex(end);
}

std::string digits(Bytes bytes) {
    std::string out;
    for (const std::uint8_t byte : bytes) {
        out += "0123456789abcdef"[byte >> 4];
        out += "0123456789abcdef"[byte & 15];
    }
    return out;
}

std::string sha256(Bytes bytes) {
    std::uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(bytes.data(), bytes.size(), digest);
    return digits(digest);
}

} // namespace septum::recheck
