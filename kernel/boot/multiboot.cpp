// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/multiboot.hpp"

namespace septum::kernel::boot {

namespace {

constexpr u32 kTagEnd = 0;
constexpr u32 kTagModule = 3;    // §3.6.6
constexpr u32 kTagMemoryMap = 6; // §3.6.8
constexpr u64 kTagHeader = 8;    // u32 type, u32 size

struct Tags {
    u32 modules = 0;
    u32 maps = 0;
};

Refusal read_tag(Bytes tag, u32 type, Tags& seen, Loaded& loaded) {
    if (type == kTagModule) {
        seen.modules++;
        loaded.module_begin = tag.load<u32>(8);
        loaded.module_end = tag.load<u32>(12);
        if (tag.size < 17 || loaded.module_begin >= loaded.module_end) {
            return {Code::loader,
                    Value::text("multiboot2 module"),
                    {},
                    Value::text("an address range"),
                    Value::range(loaded.module_begin, loaded.module_end)};
        }
    }
    if (type == kTagMemoryMap) {
        seen.maps++;
        const u32 entry_size = tag.load<u32>(8);
        if (tag.size < 16 || entry_size < sizeof(MemoryMap::Entry) || entry_size % 8 != 0) {
            return {Code::loader,
                    Value::text("multiboot2 memory map entry size"),
                    {},
                    Value::decimal(24),
                    Value::decimal(entry_size)};
        }
        loaded.memory = {tag.part(16, tag.size - 16), entry_size};
    }
    return kHolds;
}

} // namespace

Refusal read_multiboot(Bytes information, Loaded& loaded) {
    const u32 total = information.load<u32>(0);
    if (total < 16 || total > information.size) {
        return {Code::loader,
                Value::text("multiboot2 information size"),
                {},
                Value::range(16, information.size),
                Value::hex(total)};
    }
    Tags seen;
    u64 at = 8;
    bool ended = false;
    for (u32 tags = 0; tags < kMaxTags && !ended; tags++) {
        const u32 type = information.load<u32>(at);
        const u32 size = information.load<u32>(at + 4);
        if (at > total || total - at < kTagHeader || size < kTagHeader || size > total - at) {
            return {Code::loader, Value::text("multiboot2 tag"), Value::decimal(type),
                    Value::text("a tag inside the information"), Value::range(at, at + size)};
        }
        SEPTUM_REQUIRE(read_tag(information.part(at, size), type, seen, loaded));
        ended = type == kTagEnd;
        at += (u64{size} + 7) & ~u64{7};
    }
    if (!ended) {
        return {Code::loader, Value::text("multiboot2 tags"), {}, Value::text("an end tag"), {}};
    }
    if (seen.maps != 1) {
        return {Code::loader, Value::text("multiboot2 memory maps"), {}, Value::decimal(1), Value::decimal(seen.maps)};
    }
    if (seen.modules != 1) {
        return {Code::loader, Value::text("multiboot2 modules"), {}, Value::decimal(1), Value::decimal(seen.modules)};
    }
    return kHolds;
}

} // namespace septum::kernel::boot
