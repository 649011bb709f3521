// SPDX-License-Identifier: Apache-2.0
// A partition with two CPUs that ends while its CPUs start, stop and interrupt each other.
#pragma once

#include <septum/guest/info.hpp>
#include <septum/types.hpp>

namespace septum::health {

// One life; does not return, but for when it has ended as often as its name says.
void storm(const guest::Info& info, u64 launch);

} // namespace septum::health
