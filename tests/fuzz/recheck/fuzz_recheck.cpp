// SPDX-License-Identifier: Apache-2.0
// Any bytes as a certificate or as an image: septum-recheck says that it cannot read them, or that they differ, and
// nothing else ever happens. A certificate is tried as it is, and with a seal that fits, so that the seal does not hide
// the rest.
#include "recheck/claims.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace septum::recheck;

template <typename Read>
void only_known_errors(Read&& read) {
    try {
        read();
    } catch (const Unreadable& e) {
        if (*e.what() == '\0')
            std::abort();
    } catch (const Differs& e) {
        if (*e.what() == '\0')
            std::abort();
    }
}

void as_certificate(Bytes bytes) {
    only_known_errors([&] { (void)read_certificate(bytes); });
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (const std::size_t at = text.rfind("\n  \"seal\": "); at != std::string::npos)
        text.resize(at + 1);
    const std::string seal = sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    text += "  \"seal\": \"" + seal + "\"\n}\n";
    only_known_errors([&] {
        const Certificate certificate =
            read_certificate({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
        Image image;
        image.claims = certificate.claims;
        compare(certificate.claims, image.claims);
        check_separation(image);
    });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes(data, size);
    as_certificate(bytes);
    only_known_errors([&] { (void)read_image(bytes); });
    return 0;
}
