// SPDX-License-Identifier: Apache-2.0
#include "build/tables/aml.hpp"

#include <cstddef>

namespace septum::build::aml {
namespace {

// Opcodes, ACPI 6.4 table 20-2.
constexpr std::uint8_t kZeroOp = 0x00;
constexpr std::uint8_t kNameOp = 0x08;
constexpr std::uint8_t kBytePrefix = 0x0A;
constexpr std::uint8_t kDwordPrefix = 0x0C;
constexpr std::uint8_t kScopeOp = 0x10;
constexpr std::uint8_t kBufferOp = 0x11;
constexpr std::uint8_t kPackageOp = 0x12;
constexpr std::uint8_t kExtOpPrefix = 0x5B;
constexpr std::uint8_t kDeviceOp = 0x82; // after kExtOpPrefix
constexpr std::uint8_t kRootChar = 0x5C;

void append(Code& to, const Code& what) {
    to.insert(to.end(), what.begin(), what.end());
}
void append(Code& to, std::string_view what) {
    to.insert(to.end(), what.begin(), what.end());
}

// PkgLength (§20.2.4) counts itself: one byte up to 63, two up to 4095. Nothing here is longer.
void append_package(Code& to, const Code& body) {
    std::size_t length = body.size() + 1;
    if (length < 64) {
        to.push_back(static_cast<std::uint8_t>(length));
    } else {
        ++length;
        to.push_back(static_cast<std::uint8_t>(0x40U | (length & 0xFU)));
        to.push_back(static_cast<std::uint8_t>(length >> 4U));
    }
    append(to, body);
}

} // namespace

Code byte(std::uint8_t value) {
    if (value == 0) {
        return {kZeroOp};
    }
    return {kBytePrefix, value};
}

Code dword(std::uint32_t value) {
    Code code{kDwordPrefix};
    for (unsigned shift = 0; shift < 32; shift += 8) {
        code.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return code;
}

Code name(std::string_view name, const Code& value) {
    Code code{kNameOp};
    append(code, name);
    append(code, value);
    return code;
}

Code scope_sb(const Code& body) {
    Code inner{kRootChar};
    append(inner, "_SB_");
    append(inner, body);
    Code code{kScopeOp};
    append_package(code, inner);
    return code;
}

Code device(std::string_view name, const Code& body) {
    Code inner;
    append(inner, name);
    append(inner, body);
    Code code{kExtOpPrefix, kDeviceOp};
    append_package(code, inner);
    return code;
}

Code package(const std::vector<std::uint8_t>& elements) {
    Code inner{static_cast<std::uint8_t>(elements.size())};
    for (const std::uint8_t element : elements) {
        append(inner, byte(element));
    }
    Code code{kPackageOp};
    append_package(code, inner);
    return code;
}

Code buffer(const Code& bytes) {
    Code inner = byte(static_cast<std::uint8_t>(bytes.size()));
    append(inner, bytes);
    Code code{kBufferOp};
    append_package(code, inner);
    return code;
}

} // namespace septum::build::aml
