// SPDX-License-Identifier: Apache-2.0
// Little-endian reads and writes at byte offsets. Writers are handed exactly the bytes that are theirs; a write
// outside them is a defect of the encoder and ends the program.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

namespace septum::build {

using ByteSpan = std::span<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

template <typename T>
void store(ByteSpan bytes, std::size_t offset, T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) {
        std::abort();
    }
    std::memcpy(bytes.data() + offset, &value, sizeof(T)); // the build machine is little-endian like the target
}

inline void store8(ByteSpan bytes, std::size_t offset, std::uint8_t value) {
    store(bytes, offset, value);
}
inline void store16(ByteSpan bytes, std::size_t offset, std::uint16_t value) {
    store(bytes, offset, value);
}
inline void store32(ByteSpan bytes, std::size_t offset, std::uint32_t value) {
    store(bytes, offset, value);
}
inline void store64(ByteSpan bytes, std::size_t offset, std::uint64_t value) {
    store(bytes, offset, value);
}

inline void store_bytes(ByteSpan bytes, std::size_t offset, ByteView what) {
    if (offset > bytes.size() || what.size() > bytes.size() - offset) {
        std::abort();
    }
    if (!what.empty()) {
        std::memcpy(bytes.data() + offset, what.data(), what.size());
    }
}

// The caller has made sure that the bytes are there.
template <typename T>
[[nodiscard]] T load(ByteView bytes, std::size_t offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) {
        std::abort();
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

} // namespace septum::build
