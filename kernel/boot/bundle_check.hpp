// SPDX-License-Identifier: Apache-2.0
// What the checks of the bundle's parts share.
#pragma once

#include "kernel/boot/bytes.hpp"
#include "kernel/boot/refusal.hpp"

#include <septum/manifest/manifest.hpp>

namespace septum::kernel::boot {

inline constexpr u64 kAddressLimit = u64{1} << 52; // the architecture's largest physical address (APM 2 §5.1)

inline Refusal bad(const char* what, Value expected, Value found) {
    return {Code::manifest, Value::text("manifest"), Value::text(what), expected, found};
}

constexpr bool whole_pages(u64 value) { return value % kPageSize == 0; }

template <typename T>
Refusal check_table(const manifest::Header& header, const char* what, const manifest::Table& table, u32 limit) {
    const u64 bytes = u64{table.count} * sizeof(T);
    if (table.count > limit) {
        return bad(what, Value::range("a count in", 0, limit), Value::decimal(table.count));
    }
    if (table.count != 0 && (table.offset % 8 != 0 || table.offset < sizeof(manifest::Header) ||
                             table.offset + bytes > header.manifest_size)) {
        return bad(what, Value::range("records in", sizeof(manifest::Header), header.manifest_size),
                   Value::range(table.offset, table.offset + bytes));
    }
    return kHolds;
}

inline Refusal check_slice(const char* what, const manifest::Slice& slice, const manifest::Table& table, u32 limit = ~0u) {
    if (slice.count > limit) {
        return bad(what, Value::range("a count in", 0, limit), Value::decimal(slice.count));
    }
    if (slice.first > table.count || slice.count > table.count - slice.first) {
        return bad(what, Value::range("a slice of", 0, table.count),
                   Value::range(slice.first, u64{slice.first} + slice.count));
    }
    return kHolds;
}

} // namespace septum::kernel::boot
