// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) over pieces, by OpenSSL.
#pragma once

#include "verifier/decode/bytes.hpp"

#include <septum/manifest/manifest.hpp>

#include <memory>

struct evp_md_ctx_st; // OpenSSL's EVP_MD_CTX

namespace septum::verifier {

class Sha256 {
public:
    Sha256();
    void add(decode::ByteSpan bytes);
    // All zeros when the library failed: no digest of anything, so that it never matches by accident.
    [[nodiscard]] manifest::Digest finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
    bool good_ = false;
};

} // namespace septum::verifier
