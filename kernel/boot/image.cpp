// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/image.hpp"

#include "kernel/lifecycle/sha256.hpp"

extern "C" const septum::u8 kernel_begin[], kernel_end[];
extern "C" const septum::u8 boot_text_begin[], boot_text_end[];
extern "C" const septum::u8 resident_text_begin[], resident_text_end[];
extern "C" const septum::u8 resident_rodata_begin[], resident_rodata_end[];

namespace septum::kernel::boot {

namespace {

u64 address(const u8* symbol) {
    return reinterpret_cast<u64>(symbol);
}

} // namespace

manifest::Range kernel_range() {
    return {Hpa{address(kernel_begin)}, address(kernel_end) - address(kernel_begin)};
}

Refusal check_kernel(const manifest::Digest& expected) {
    Sha256 hash;
    hash.update(boot_text_begin, address(boot_text_end) - address(boot_text_begin));
    hash.update(resident_text_begin, address(resident_text_end) - address(resident_text_begin));
    hash.update(resident_rodata_begin, address(resident_rodata_end) - address(resident_rodata_begin));
    const manifest::Digest found = hash.finish();
    if (found == expected) {
        return kHolds;
    }
    return {Code::digest, Value::text("kernel"), {}, Value::digest(expected), Value::digest(found)};
}

} // namespace septum::kernel::boot
