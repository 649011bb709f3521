// SPDX-License-Identifier: Apache-2.0
// Files of an ISO 9660 image (ECMA-119), by their Rock Ridge names (SUSP 1.12, RRIP 1.12 §4.1.4).
#pragma once

#include "recheck/report.hpp"

namespace septum::recheck {

// Contents of the file at `path`, absolute: "/boot/grub/grub.cfg". Throws Unreadable when there is none, or two.
[[nodiscard]] Bytes iso_file(Bytes image, const std::string& path);

} // namespace septum::recheck
