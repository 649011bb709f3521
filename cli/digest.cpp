// SPDX-License-Identifier: Apache-2.0
#include "cli/digest.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <unistd.h>
#include <vector>

namespace septum::cli {
namespace {

constexpr std::size_t kPiece = std::size_t{128} * 1024; // bytes read at a time: few calls, and the cache holds it

using Digest = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

bool add_all(int fd, EVP_MD_CTX* context) {
    std::vector<std::uint8_t> piece(kPiece);
    for (;;) {
        const auto n = ::read(fd, piece.data(), piece.size());
        if (n == 0)
            return true;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || EVP_DigestUpdate(context, piece.data(), static_cast<std::size_t>(n)) != 1)
            return false;
    }
}

} // namespace

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

std::string sha256(std::span<const std::uint8_t> bytes) {
    Digest digest{};
    SHA256(bytes.data(), bytes.size(), digest.data());
    return hexadecimal(digest);
}

std::string sha256_of_file(const std::filesystem::path& file) {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1)
        return {};
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return {};
    Digest digest{};
    const bool good = add_all(fd, context.get()) && EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
    ::close(fd);
    return good ? hexadecimal(digest) : std::string();
}

} // namespace septum::cli
