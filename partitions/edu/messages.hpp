// SPDX-License-Identifier: Apache-2.0
// The device's MSI, written as a stock driver writes it: by words, while it is on, with any vector and any CPU.
#pragma once

#include "partitions/edu/device.hpp"

#include <septum/runtime/partition.hpp>

namespace septum::edu {

// Sends every message within the partition's bounds, which must arrive, and every kind outside of them, which must not.
// False: one did otherwise; what is said names it.
bool messages(Device& edu, const guest::Info& info);

} // namespace septum::edu
