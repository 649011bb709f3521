// SPDX-License-Identifier: Apache-2.0
// The few Linux system calls that the client makes (x86-64 ABI; numbers: Linux asm/unistd_64.h). Results below zero are
// negated error numbers.
#pragma once

#include <septum/types.hpp>

namespace septum::linux_client {

inline long syscall(long number, u64 a = 0, u64 b = 0, u64 c = 0, u64 d = 0, u64 e = 0, u64 f = 0) {
    long result;
    register u64 r10 asm("r10") = d;
    register u64 r8 asm("r8") = e;
    register u64 r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

inline u64 address(const void* p) {
    return reinterpret_cast<u64>(p);
}

inline long write(int descriptor, const char* bytes, u64 size) {
    return syscall(1, static_cast<u64>(descriptor), address(bytes), size);
}

inline constexpr u64 kReadWrite = 2; // O_RDWR
inline long open(const char* path, u64 flags) {
    return syscall(2, address(path), flags);
}

inline constexpr u64 kProtRead = 1;
inline constexpr u64 kProtWrite = 2;
inline long map_shared(int descriptor, u64 offset, u64 size, u64 protection) {
    constexpr u64 kMapShared = 1;
    return syscall(9, 0, size, protection, kMapShared, static_cast<u64>(descriptor), offset);
}

inline long allow_ports(u16 first, u64 count) {
    return syscall(173, first, count, 1);
} // ioperm

struct Timespec {
    long seconds;
    long nanoseconds;
};
inline void sleep_nanoseconds(long nanoseconds) {
    const Timespec time{0, nanoseconds};
    (void)syscall(35, address(&time));
}

[[noreturn]] inline void leave(int code) {
    for (;;) {
        (void)syscall(231, static_cast<u64>(code)); // exit_group
    }
}

} // namespace septum::linux_client
