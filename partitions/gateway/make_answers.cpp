// SPDX-License-Identifier: Apache-2.0
// make-answers OUTPUT: writes the table of answers that the gateway is to expect, as a header.
#include "partitions/gateway/messages.hpp"
#include "partitions/vault/key.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdio>
#include <fstream>

int main(int argc, char** argv) {
    using namespace septum;
    if (argc != 2) {
        std::fputs("usage: make-answers OUTPUT\n", stderr);
        return 64;
    }
    std::ofstream out(argv[1]);
    out << "// SPDX-License-Identifier: Apache-2.0\n"
           "// Made by make-answers: HMAC-SHA-256 of each of the gateway's messages.\n"
           "#pragma once\n\n#include \"partitions/gateway/messages.hpp\"\n\nnamespace septum::gateway {\n\n"
           "inline constexpr u8 kExpected[kMessageCount][vault::kMacSize] = {\n";
    for (u32 i = 0; i < gateway::kMessageCount; ++i) {
        u8 message[vault::kMaxRequest] = {};
        const u64 length = gateway::make_message(i, message);
        std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
        unsigned size = 0;
        if (HMAC(EVP_sha256(), vault::kKey, sizeof(vault::kKey), message, length, mac.data(), &size) == nullptr ||
            size != vault::kMacSize) {
            std::fputs("make-answers: HMAC failed\n", stderr);
            return 1;
        }
        out << "    {";
        for (unsigned k = 0; k < size; ++k) {
            out << (k == 0 ? "" : ", ") << static_cast<unsigned>(mac[k]);
        }
        out << "},\n";
    }
    out << "};\n\n} // namespace septum::gateway\n";
    out.close();
    if (!out) {
        std::fprintf(stderr, "make-answers: cannot write `%s`\n", argv[1]);
        return 1;
    }
    return 0;
}
