// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/guest_info.hpp"

#include <algorithm>
#include <cstring>

namespace septum::verifier::decode {

std::optional<GuestInfo> decode_guest_info(const GuestMemory& memory, std::uint64_t gpa, const std::string& what) {
    const auto page = memory.read(gpa, kPageSize);
    if (!page) {
        return std::nullopt;
    }
    GuestInfo result;
    std::memcpy(&result.info, page->data(), sizeof result.info);
    if (result.info.magic != guest::kInfoMagic || result.info.version != guest::kInfoVersion) {
        return std::nullopt;
    }
    const auto limit = [&](std::uint32_t value, std::uint32_t most, const char* field, std::uint64_t offset) {
        if (value > most) {
            result.defects.add(DefectKind::out_of_range, what + ": " + field, gpa + offset, most, value);
        }
    };
    limit(result.info.cpu_count, guest::kMaxInfoCpus, "cpu_count", offsetof(guest::Info, cpu_count));
    limit(result.info.channel_count, guest::kMaxInfoChannels, "channel_count", offsetof(guest::Info, channel_count));
    const auto rest =
        std::find_if(page->begin() + sizeof(guest::Info), page->end(), [](std::uint8_t b) { return b != 0; });
    if (rest != page->end()) {
        result.defects.add(DefectKind::stray_bytes, what + ": bytes after the structure",
                           gpa + static_cast<std::uint64_t>(rest - page->begin()), 0, *rest);
    }
    return result;
}

} // namespace septum::verifier::decode
