// SPDX-License-Identifier: Apache-2.0
// The bundle as a file: is it ours, whole, and does what it plans for itself make sense? Asked before anything in it
// is trusted, and again after the copy. Whether the plan keeps the partitions apart was proved offline.
#pragma once

#include <septum/manifest/manifest.hpp>

#include "kernel/boot/bytes.hpp"
#include "kernel/boot/refusal.hpp"

namespace septum::kernel::boot {

// Magic, version, sizes and the manifest's digest over itself; then every table and slice inside the manifest, and
// the kernel's own places (kernel, bundle, workspace, trampoline) aligned and apart. `bundle` is page aligned.
Refusal check_bundle(Bytes bundle, const manifest::Range& kernel);

// The digest of the tables part. After check_bundle.
Refusal check_tables(Bytes bundle);

// The rest of each payload's last page is zero: nothing travels in the bundle that no digest covers. After check_bundle.
Refusal check_padding(Bytes bundle);

// One of the header's tables. After check_bundle.
template <typename T>
Records<T> records(const manifest::Header& header, const manifest::Table& table) {
    const auto* base = reinterpret_cast<const u8*>(&header);
    return {reinterpret_cast<const T*>(base + table.offset), table.count};
}

} // namespace septum::kernel::boot
