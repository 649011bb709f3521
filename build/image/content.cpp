// SPDX-License-Identifier: Apache-2.0
#include "build/image/content.hpp"

#include <memory>
#include <openssl/evp.h>

namespace septum::build {

config::Outcome<ContentDigest> content_digest(const std::vector<std::span<const std::uint8_t>>& parts) {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
    for (const auto part : parts) {
        std::array<std::uint8_t, 8> size{};
        for (std::size_t i = 0; i < size.size(); ++i)
            size[i] = static_cast<std::uint8_t>(std::uint64_t{part.size()} >> (8 * i));
        good = good && EVP_DigestUpdate(context.get(), size.data(), size.size()) == 1 &&
               EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    }
    ContentDigest digest{};
    if (good && EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1)
        return {digest, {}};
    config::Diagnostic d;
    d.id = "build.digest";
    d.message = "sha-256 is not available from openssl";
    return {std::nullopt, {std::move(d)}};
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace septum::build
