// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/memory_type.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u64 kTypeMask = 0xFF;
constexpr u64 kWriteBack = 6;
constexpr u64 kEnabled = 1u << 11;   // IA32_MTRR_DEF_TYPE.E
constexpr u64 kPairValid = 1u << 11; // IA32_MTRR_PHYSMASKn.V
constexpr u64 kPageMask = ~u64{0xFFF};

struct Span {
    u64 begin;
    u64 size;
};

// What pair `i` covers. A mask with holes covers scattered memory: legal, never seen, and not understood here.
bool span_of(const Mtrrs& mtrrs, u32 i, Span& span) {
    const u64 address_bits = mtrrs.physical_bits >= 64 ? ~u64{0} : (u64{1} << mtrrs.physical_bits) - 1;
    const u64 mask = mtrrs.mask[i] & address_bits & kPageMask;
    const u64 size = (~mask & address_bits) + 1;
    if ((size & (size - 1)) != 0) {
        return false;
    }
    span = {mtrrs.base[i] & mask, size};
    return true;
}

} // namespace

Refusal check_write_back(const Mtrrs& mtrrs, const manifest::Range& range) {
    const u64 end = range.base.value + range.size;
    const u64 begin = range.base.value < kMiB ? kMiB : range.base.value;
    if (begin >= end) {
        return kHolds;
    }
    const Value subject = Value::range(range.base.value, end);
    const Value expected = Value::text("write-back");
    if ((mtrrs.default_type & kEnabled) == 0) {
        return {Code::memory_type, Value::text("memory type"), subject, expected,
                Value::text("uncacheable, MTRRs off")};
    }
    if (begin >= 4 * kGiB && end <= mtrrs.forced_write_back_end) {
        return kHolds;
    }
    Span write_back[kMaxVariableMtrrs];
    u32 count = 0;
    for (u32 i = 0; i < mtrrs.count && i < kMaxVariableMtrrs; i++) {
        if ((mtrrs.mask[i] & kPairValid) == 0) {
            continue;
        }
        Span span{};
        if (!span_of(mtrrs, i, span)) {
            return {Code::memory_type, Value::text("MTRR mask"), Value::decimal(i), Value::text("contiguous"),
                    Value::hex(mtrrs.mask[i])};
        }
        const u64 type = mtrrs.base[i] & kTypeMask;
        if (type == kWriteBack) {
            write_back[count++] = span;
        } else if (overlap(begin, end - begin, span.begin, span.size)) {
            return {Code::memory_type, Value::text("memory type"), subject, expected, Value::hex(type)};
        }
    }
    if ((mtrrs.default_type & kTypeMask) == kWriteBack) {
        return kHolds;
    }
    u64 covered = begin;
    for (u32 pass = 0; pass <= count && covered < end; pass++) {
        for (u32 i = 0; i < count; i++) {
            if (write_back[i].begin <= covered && covered - write_back[i].begin < write_back[i].size) {
                covered = write_back[i].begin + write_back[i].size;
            }
        }
    }
    if (covered < end) {
        return {Code::memory_type, Value::text("memory type"), subject, expected,
                Value::hex(mtrrs.default_type & kTypeMask)};
    }
    return kHolds;
}

} // namespace septum::kernel::boot
