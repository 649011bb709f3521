// SPDX-License-Identifier: Apache-2.0
#include "build/tables/digest.hpp"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace septum::build {

manifest::Digest sha256(const std::vector<ByteView>& pieces) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    manifest::Digest digest{};
    unsigned size = 0;
    // A SHA-256 that fails means a broken library: there is nothing to go on with.
    if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
        std::abort();
    }
    for (const ByteView piece : pieces) {
        if (EVP_DigestUpdate(context.get(), piece.data(), piece.size()) != 1) {
            std::abort();
        }
    }
    if (EVP_DigestFinal_ex(context.get(), digest.bytes, &size) != 1 || size != sizeof(digest.bytes)) {
        std::abort();
    }
    return digest;
}

manifest::Digest sha256(ByteView bytes) {
    return sha256(std::vector<ByteView>{bytes});
}

} // namespace septum::build
