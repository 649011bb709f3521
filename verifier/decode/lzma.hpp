// SPDX-License-Identifier: Apache-2.0
// A bare LZMA stream (Igor Pavlov's "LZMA specification", 2015), with the parameters that GRUB's core images have:
// lc 3, lp 0, pb 2, no header, no end mark.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

// Exactly `size` bytes of output; nothing when the stream does not give them.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> decode_lzma(ByteSpan stream, std::uint64_t size);

} // namespace septum::verifier::decode
