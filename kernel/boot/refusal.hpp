// SPDX-License-Identifier: Apache-2.0
// Why the kernel does not start: the fact that does not hold, what was expected, what was found. Pure: the checks
// return refusals, the edge (refuse.hpp) prints one and stops.
#pragma once

#include <septum/manifest/manifest.hpp>
#include <septum/types.hpp>

namespace septum::kernel::boot {

// Said at the end of the line and written to port 0x80. Stable: tests and people look for them.
enum class Code : u8 {
    none = 0x00,
    long_mode = 0x01, // said by the 32-bit entry
    loader = 0x10,
    manifest = 0x20,
    digest = 0x21,
    memory = 0x30,
    memory_type = 0x31,
    pci = 0x40,
    cpu = 0x50,
    cpu_set = 0x51,
    apic = 0x52,
    iommu = 0x60,
    clock = 0x70,
    watchdog = 0x71,
    exception = 0x80,
};

// Something a refusal speaks of.
class Value {
public:
    enum class Kind : u8 { nothing, text, hex, decimal, range, cpu, pci_id, bdf, digest, exception };

    constexpr Value() = default;
    // At most 64 characters of it are said.
    static constexpr Value text(const char* words) { return Value{Kind::text, 64, 0, words}; }
    // A name out of the manifest, which need not end in a zero.
    static constexpr Value name(const char (&words)[manifest::kNameSize]) {
        return Value{Kind::text, manifest::kNameSize, 0, words};
    }
    static constexpr Value hex(u64 number) { return Value{Kind::hex, number, 0, nullptr}; }
    static constexpr Value decimal(u64 number) { return Value{Kind::decimal, number, 0, nullptr}; }
    static constexpr Value range(u64 begin, u64 end) { return Value{Kind::range, begin, end, nullptr}; }
    // The same, with a word in front that says what it is.
    static constexpr Value range(const char* what, u64 begin, u64 end) { return Value{Kind::range, begin, end, what}; }
    static constexpr Value cpu(u32 apic_id) { return Value{Kind::cpu, apic_id, 0, nullptr}; }
    static constexpr Value exception(u32 vector, u32 error, u64 rip) {
        return Value{Kind::exception, u64{vector} << 32 | error, rip, nullptr};
    }
    // device id << 16 | vendor id
    static constexpr Value pci_id(u32 id) { return Value{Kind::pci_id, id, 0, nullptr}; }
    // bus << 8 | device << 3 | function
    static constexpr Value bdf(u32 bdf) { return Value{Kind::bdf, bdf, 0, nullptr}; }
    // Its first eight bytes are said.
    static constexpr Value digest(const manifest::Digest& whole) {
        u64 head = 0;
        for (u32 i = 0; i < 8; i++) {
            head = head << 8 | whole.bytes[i];
        }
        return Value{Kind::digest, head, 0, nullptr};
    }

    [[nodiscard]] constexpr Kind kind() const { return kind_; }
    [[nodiscard]] constexpr u64 first() const { return first_; }
    [[nodiscard]] constexpr u64 second() const { return second_; }
    [[nodiscard]] constexpr const char* words() const { return words_; }

private:
    constexpr Value(Kind kind, u64 first, u64 second, const char* words)
        : kind_(kind), first_(first), second_(second), words_(words) {}

    Kind kind_ = Kind::nothing;
    u64 first_ = 0;
    u64 second_ = 0;
    const char* words_ = nullptr;
};

// True when there is something to refuse.
struct [[nodiscard]] Refusal {
    Code code = Code::none;
    Value fact;
    Value subject; // which one, when the fact's name alone does not say
    Value expected;
    Value found;

    constexpr explicit operator bool() const { return code != Code::none; }
};

inline constexpr Refusal kHolds{};

inline constexpr u64 kLineSize = 256;

// Writes `septum: refused: <fact> [<subject>]: expected <x>, found <y> (code 0xNN)` and a newline, zero-terminated,
// into `line`; what does not fit is left out. Gives the length.
u64 format(const Refusal& refusal, char (&line)[kLineSize]);

} // namespace septum::kernel::boot

// Hands a refusal up: the rest of the function rests on what `expression` checks.
#define SEPTUM_REQUIRE(expression)                                                                                     \
    do {                                                                                                               \
        if (const ::septum::kernel::boot::Refusal refused_ = (expression)) {                                           \
            return refused_;                                                                                           \
        }                                                                                                              \
    } while (false)
