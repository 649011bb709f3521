// SPDX-License-Identifier: Apache-2.0
// The page that tells a partition about itself (septum/guest/info.hpp).
#pragma once

#include "build/plan/plan.hpp"

#include <septum/guest/info.hpp>

namespace septum::build {

[[nodiscard]] guest::Info guest_info(const Plan& plan, std::size_t partition);

} // namespace septum::build
