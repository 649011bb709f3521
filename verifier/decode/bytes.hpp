// SPDX-License-Identifier: Apache-2.0
// Bounds-checked little-endian reads, and what a decoder found wrong. Every decoder is total: any input gives an answer
// in bounded time and memory.
#pragma once

#include "config/source.hpp"

#include <septum/types.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace septum::verifier::decode {

using ByteSpan = std::span<const std::uint8_t>;

// [offset, offset + size) of `bytes`; nothing when it is not wholly inside. Never wraps.
[[nodiscard]] std::optional<ByteSpan> slice(ByteSpan bytes, std::uint64_t offset, std::uint64_t size);

// Little-endian integers at `offset`; nothing when they are not wholly inside.
[[nodiscard]] std::optional<std::uint8_t> le8(ByteSpan bytes, std::uint64_t offset);
[[nodiscard]] std::optional<std::uint16_t> le16(ByteSpan bytes, std::uint64_t offset);
[[nodiscard]] std::optional<std::uint32_t> le32(ByteSpan bytes, std::uint64_t offset);
[[nodiscard]] std::optional<std::uint64_t> le64(ByteSpan bytes, std::uint64_t offset);

// a + b fits into 64 bits and is at most `limit`.
[[nodiscard]] constexpr bool fits(std::uint64_t a, std::uint64_t b, std::uint64_t limit) {
    return a <= limit && b <= limit - a;
}

[[nodiscard]] std::string hex(std::uint64_t value); // "0x40200000"

// Where the first byte that is not zero lies; nothing when all are.
[[nodiscard]] std::optional<std::uint64_t> first_not_zero(ByteSpan bytes);
// CRC-32 as GPT and Ethernet use it (UEFI 2.10 §5.3.2); the four bytes at `zero_at`, its own place, count as zeros.
[[nodiscard]] std::uint32_t crc32(ByteSpan bytes, std::uint64_t zero_at = ~0ULL);

enum class DefectKind : std::uint8_t {
    cut_short,      // a structure reaches beyond the bytes that there are
    wrong_value,    // a magic, version, signature or size is not what the format says
    out_of_range,   // an offset or index leads nowhere
    unaligned,      // an address or offset is not aligned as the format asks
    reserved_bits,  // bits that must be zero are set
    outside_tables, // a hardware table does not lie in the sealed tables
    unreadable,     // a hardware table lies outside the bundle: what it grants cannot be known
    table_aliased,  // a table is reached by two entries
    table_cycle,    // a table is reached from below itself
    not_user,       // a nested page-table entry without U/S: every guest access faults (APM 2 §15.25.5)
    user,           // a kernel page-table entry with U/S
    accessed_clear, // A is clear: the processor would write to the sealed tables
    dirty_clear,    // D is clear in a leaf: the same
    stray_bytes,    // bytes that no record describes are not zero
    duplicate,      // the same name or place twice
    overlap,        // two records describe the same bytes
    checksum,       // an ACPI checksum is not zero
    unknown,        // a construct that this decoder does not know, and so does not trust
    too_much,       // a bound on work or memory was reached: what follows was not decoded
};
[[nodiscard]] const char* name(DefectKind kind); // "cut-short", "reserved-bits", …

// One thing that is wrong, at one place. `address` is host-physical for hardware tables, guest-physical for a guest's
// own structures, else the offset in the file or bundle; `what` names the structure and the field.
struct Defect {
    DefectKind kind = DefectKind::wrong_value;
    std::string what; // lower case, "npt of `vault`: pd entry 3"
    std::uint64_t address = 0;
    std::uint64_t expected = 0;
    std::uint64_t found = 0;
};

// Defects with a bound on how many are kept; `total` counts all of them.
class Defects {
public:
    static constexpr std::size_t kKept = 64;

    void add(DefectKind kind, std::string what, std::uint64_t address, std::uint64_t expected, std::uint64_t found);
    // The same where making the text is costly: `text()` is called only when the defect is kept.
    template <typename Text>
    void add_lazy(DefectKind kind, Text&& text, std::uint64_t address, std::uint64_t expected, std::uint64_t found) {
        add(kind, kept_.size() < kKept ? text() : std::string{}, address, expected, found);
    }
    void append(const Defects& other);

    [[nodiscard]] const std::vector<Defect>& kept() const { return kept_; }
    [[nodiscard]] std::uint64_t total() const { return total_; }
    [[nodiscard]] bool empty() const { return total_ == 0; }
    [[nodiscard]] bool has(DefectKind kind) const { return count(kind) != 0; } // also when it was not kept
    [[nodiscard]] std::uint64_t count(DefectKind kind) const;

private:
    std::vector<Defect> kept_;
    std::uint64_t total_ = 0;
    std::array<std::uint64_t, 32> by_kind_{};
};

// "error[id]: what: kind at 0x…, expected 0x…, found 0x…"
[[nodiscard]] config::Diagnostic to_diagnostic(const Defect& defect, std::string_view id);
// An error without a place in the model.
[[nodiscard]] config::Diagnostic error(std::string_view id, std::string message, std::string help = {});

// Host-physical memory as the bundle fills it after the copy: [base, base + bytes.size()).
struct HostMemory {
    std::uint64_t base = 0;
    ByteSpan bytes;
    std::uint64_t sealed_base = 0; // the sealed tables inside it
    std::uint64_t sealed_size = 0;

    [[nodiscard]] std::optional<ByteSpan> at(std::uint64_t address, std::uint64_t size) const;
    [[nodiscard]] bool sealed(std::uint64_t address, std::uint64_t size) const;
};

// A partition's initial memory: zero but for its payload segments, by guest-physical address.
class GuestMemory {
public:
    struct Segment {
        std::uint64_t gpa = 0;
        ByteSpan bytes;
    };

    explicit GuestMemory(std::vector<Segment> segments); // later segments lie over earlier ones
    // Contents of [gpa, gpa + size), zeros where no segment lies; nothing when size > 16 MiB or the range wraps.
    [[nodiscard]] std::optional<std::vector<std::uint8_t>> read(std::uint64_t gpa, std::uint64_t size) const;
    // Some segment covers some byte of [gpa, gpa + size).
    [[nodiscard]] bool touched(std::uint64_t gpa, std::uint64_t size) const;
    [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }

private:
    std::vector<Segment> segments_; // in the given order
};

} // namespace septum::verifier::decode
