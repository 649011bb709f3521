// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/bytes.hpp"

#include <algorithm>
#include <array>

namespace septum::verifier::decode {

std::optional<ByteSpan> slice(ByteSpan bytes, std::uint64_t offset, std::uint64_t size) {
    if (!fits(offset, size, bytes.size())) {
        return std::nullopt;
    }
    return bytes.subspan(offset, size);
}

namespace {

template <typename T>
std::optional<T> little_endian(ByteSpan bytes, std::uint64_t offset) {
    const auto part = slice(bytes, offset, sizeof(T));
    if (!part) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value |= std::uint64_t{(*part)[i]} << (8 * i);
    }
    return static_cast<T>(value);
}

} // namespace

std::optional<std::uint8_t> le8(ByteSpan bytes, std::uint64_t offset) {
    return little_endian<std::uint8_t>(bytes, offset);
}
std::optional<std::uint16_t> le16(ByteSpan bytes, std::uint64_t offset) {
    return little_endian<std::uint16_t>(bytes, offset);
}
std::optional<std::uint32_t> le32(ByteSpan bytes, std::uint64_t offset) {
    return little_endian<std::uint32_t>(bytes, offset);
}
std::optional<std::uint64_t> le64(ByteSpan bytes, std::uint64_t offset) {
    return little_endian<std::uint64_t>(bytes, offset);
}

std::string hex(std::uint64_t value) {
    std::string digits;
    do {
        digits.push_back("0123456789abcdef"[value & 15]);
        value >>= 4;
    } while (value != 0);
    std::reverse(digits.begin(), digits.end());
    return "0x" + digits;
}

std::optional<std::uint64_t> first_not_zero(ByteSpan bytes) {
    // All bytes are zero when the first is and each equals the one before it: a comparison that runs at memory speed.
    if (bytes.empty() || (bytes[0] == 0 && std::equal(bytes.begin() + 1, bytes.end(), bytes.begin()))) {
        return std::nullopt;
    }
    const auto found = std::find_if(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b != 0; });
    return static_cast<std::uint64_t>(found - bytes.begin());
}

std::uint32_t crc32(ByteSpan bytes, std::uint64_t zero_at) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> out{};
        for (std::uint32_t i = 0; i < out.size(); ++i) {
            std::uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) {
                value = (value & 1) != 0 ? 0xEDB88320 ^ (value >> 1) : value >> 1;
            }
            out[i] = value;
        }
        return out;
    }();
    std::uint32_t crc = 0xFFFFFFFF;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool zero = i >= zero_at && i - zero_at < 4;
        crc = table[(crc ^ (zero ? 0U : bytes[i])) & 0xFF] ^ (crc >> 8);
    }
    return crc ^ 0xFFFFFFFF;
}

const char* name(DefectKind kind) {
    switch (kind) {
    case DefectKind::cut_short:
        return "cut-short";
    case DefectKind::wrong_value:
        return "wrong-value";
    case DefectKind::out_of_range:
        return "out-of-range";
    case DefectKind::unaligned:
        return "unaligned";
    case DefectKind::reserved_bits:
        return "reserved-bits";
    case DefectKind::outside_tables:
        return "outside-tables";
    case DefectKind::unreadable:
        return "unreadable";
    case DefectKind::table_aliased:
        return "table-aliased";
    case DefectKind::table_cycle:
        return "table-cycle";
    case DefectKind::not_user:
        return "not-user";
    case DefectKind::user:
        return "user";
    case DefectKind::accessed_clear:
        return "accessed-clear";
    case DefectKind::dirty_clear:
        return "dirty-clear";
    case DefectKind::stray_bytes:
        return "stray-bytes";
    case DefectKind::duplicate:
        return "duplicate";
    case DefectKind::overlap:
        return "overlap";
    case DefectKind::checksum:
        return "checksum";
    case DefectKind::unknown:
        return "unknown";
    case DefectKind::too_much:
        return "too-much";
    }
    return "unknown";
}

void Defects::add(DefectKind kind, std::string what, std::uint64_t address, std::uint64_t expected,
                  std::uint64_t found) {
    ++total_;
    ++by_kind_[static_cast<std::size_t>(kind) % by_kind_.size()];
    if (kept_.size() < kKept) {
        kept_.push_back({kind, std::move(what), address, expected, found});
    }
}

void Defects::append(const Defects& other) {
    for (const Defect& defect : other.kept_) {
        if (kept_.size() < kKept) {
            kept_.push_back(defect);
        }
    }
    total_ += other.total_;
    for (std::size_t i = 0; i < by_kind_.size(); ++i) {
        by_kind_[i] += other.by_kind_[i];
    }
}

std::uint64_t Defects::count(DefectKind kind) const {
    return by_kind_[static_cast<std::size_t>(kind) % by_kind_.size()];
}

config::Diagnostic to_diagnostic(const Defect& defect, std::string_view id) {
    config::Diagnostic diagnostic;
    diagnostic.id = id;
    diagnostic.message = defect.what + ": expected " + hex(defect.expected) + ", found " + hex(defect.found);
    diagnostic.notes.push_back("at " + hex(defect.address) + " (" + name(defect.kind) + ")");
    return diagnostic;
}

config::Diagnostic error(std::string_view id, std::string message, std::string help) {
    config::Diagnostic diagnostic;
    diagnostic.id = id;
    diagnostic.message = std::move(message);
    diagnostic.help = std::move(help);
    return diagnostic;
}

std::optional<ByteSpan> HostMemory::at(std::uint64_t address, std::uint64_t size) const {
    if (address < base) {
        return std::nullopt;
    }
    return slice(bytes, address - base, size);
}

bool HostMemory::sealed(std::uint64_t address, std::uint64_t size) const {
    return address >= sealed_base && fits(address - sealed_base, size, sealed_size);
}

GuestMemory::GuestMemory(std::vector<Segment> segments) : segments_(std::move(segments)) {}

std::optional<std::vector<std::uint8_t>> GuestMemory::read(std::uint64_t gpa, std::uint64_t size) const {
    constexpr std::uint64_t kMost = 16 * kMiB;
    if (size > kMost || !fits(gpa, size, ~0ULL)) {
        return std::nullopt;
    }
    std::vector<std::uint8_t> result(size, 0);
    for (const Segment& segment : segments_) {
        if (!fits(segment.gpa, segment.bytes.size(), ~0ULL)) {
            continue;
        }
        const std::uint64_t first = std::max(gpa, segment.gpa);
        const std::uint64_t end = std::min(gpa + size, segment.gpa + segment.bytes.size());
        if (first < end) {
            const ByteSpan part = segment.bytes.subspan(first - segment.gpa, end - first);
            std::copy(part.begin(), part.end(), result.begin() + static_cast<std::ptrdiff_t>(first - gpa));
        }
    }
    return result;
}

bool GuestMemory::touched(std::uint64_t gpa, std::uint64_t size) const {
    return fits(gpa, size, ~0ULL) && std::any_of(segments_.begin(), segments_.end(), [&](const Segment& segment) {
               return fits(segment.gpa, segment.bytes.size(), ~0ULL) && segment.gpa < gpa + size &&
                      gpa < segment.gpa + segment.bytes.size();
           });
}

} // namespace septum::verifier::decode
