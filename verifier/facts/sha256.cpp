// SPDX-License-Identifier: Apache-2.0
#include "verifier/facts/sha256.hpp"

#include "verifier/facts/facts.hpp"

#include <openssl/evp.h>

namespace septum::verifier {

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    good_ = context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
}

void Sha256::add(decode::ByteSpan bytes) {
    good_ = good_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

manifest::Digest Sha256::finish() {
    manifest::Digest digest{};
    unsigned size = 0;
    good_ = good_ && EVP_DigestFinal_ex(context_.get(), digest.bytes, &size) == 1 && size == sizeof digest.bytes;
    return good_ ? digest : manifest::Digest{};
}

Digest sha256(ByteSpan bytes) {
    Sha256 hash;
    hash.add(bytes);
    return hash.finish();
}

std::string hex(const Digest& digest) {
    std::string text;
    for (const u8 byte : digest.bytes) {
        text.push_back("0123456789abcdef"[byte >> 4]);
        text.push_back("0123456789abcdef"[byte & 15]);
    }
    return text;
}

} // namespace septum::verifier
