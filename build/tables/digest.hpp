// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "build/tables/bytes.hpp"

#include <septum/manifest/manifest.hpp>

#include <vector>

namespace septum::build {

// SHA-256 (FIPS 180-4) over the pieces, one behind the other.
[[nodiscard]] manifest::Digest sha256(const std::vector<ByteView>& pieces);
[[nodiscard]] manifest::Digest sha256(ByteView bytes);

} // namespace septum::build
