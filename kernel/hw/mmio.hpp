// SPDX-License-Identifier: Apache-2.0
// Device registers in memory. The caller's address is host-physical, which the kernel maps one to one.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::hw {

inline u8 mmio_read8(Hpa address) { return *reinterpret_cast<const volatile u8*>(address.value); }
inline void mmio_write8(Hpa address, u8 value) { *reinterpret_cast<volatile u8*>(address.value) = value; }
inline u16 mmio_read16(Hpa address) { return *reinterpret_cast<const volatile u16*>(address.value); }
inline void mmio_write16(Hpa address, u16 value) { *reinterpret_cast<volatile u16*>(address.value) = value; }
inline u32 mmio_read32(Hpa address) { return *reinterpret_cast<const volatile u32*>(address.value); }
inline void mmio_write32(Hpa address, u32 value) { *reinterpret_cast<volatile u32*>(address.value) = value; }
inline u64 mmio_read64(Hpa address) { return *reinterpret_cast<const volatile u64*>(address.value); }
inline void mmio_write64(Hpa address, u64 value) { *reinterpret_cast<volatile u64*>(address.value) = value; }

} // namespace septum::kernel::hw
