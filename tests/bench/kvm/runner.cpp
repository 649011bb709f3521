// SPDX-License-Identifier: Apache-2.0
// The shortest way to run exits.elf as a guest of KVM: one virtual CPU, 16 MiB, the ELF started as Multiboot would, and
// of a 16550 only what a polled line needs. What the guest writes goes to standard output. `kvm-runner KERNEL` ends
// when the guest halts.
#include <linux/kvm.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr std::size_t kMemory = 16U << 20;
constexpr std::uint64_t kInformation = 0x1'0000; // zeros: flags that promise nothing
constexpr std::uint16_t kConsole = 0x3F8;

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "kvm-runner: %s\n", what.c_str());
    std::exit(1);
}

int call(int file, unsigned long request, void* argument, const char* what) {
    const int result = ioctl(file, request, argument);
    if (result < 0) {
        fail(std::string(what) + ": " + std::strerror(errno));
    }
    return result;
}

int call(int file, unsigned long request, unsigned long argument, const char* what) {
    const int result = ioctl(file, request, argument);
    if (result < 0) {
        fail(std::string(what) + ": " + std::strerror(errno));
    }
    return result;
}

std::vector<std::uint8_t> read_file(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (file == nullptr) {
        fail(std::string(path) + ": " + std::strerror(errno));
    }
    std::vector<std::uint8_t> bytes;
    std::uint8_t piece[65536];
    for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, file)) != 0;) {
        bytes.insert(bytes.end(), piece, piece + got);
    }
    std::fclose(file);
    return bytes;
}

template <typename T>
T load(const std::vector<std::uint8_t>& bytes, std::size_t at) {
    if (at + sizeof(T) > bytes.size()) {
        fail("the kernel is cut short");
    }
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// ELF32 (gABI figures 4-3 and 5-1): its entry, its segments copied to their physical addresses.
std::uint32_t load_kernel(const std::vector<std::uint8_t>& file, std::uint8_t* memory) {
    if (load<std::uint32_t>(file, 0) != 0x464C'457F || file[4] != 1) {
        fail("the kernel is no ELF32");
    }
    const auto table = load<std::uint32_t>(file, 28);
    const auto count = load<std::uint16_t>(file, 44);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = table + i * 32;
        const auto offset = load<std::uint32_t>(file, at + 4);
        const auto address = load<std::uint32_t>(file, at + 12);
        const auto size = load<std::uint32_t>(file, at + 16);
        if (load<std::uint32_t>(file, at) != 1) {
            continue;
        }
        if (std::uint64_t{address} + size > kMemory || std::uint64_t{offset} + size > file.size()) {
            fail("a segment lies outside the guest's memory");
        }
        std::memcpy(memory + address, file.data() + offset, size);
    }
    return load<std::uint32_t>(file, 24);
}

void start_protected(int cpu, std::uint32_t entry) {
    kvm_sregs state{};
    call(cpu, KVM_GET_SREGS, &state, "KVM_GET_SREGS");
    kvm_segment flat{};
    flat.limit = 0xFFFF'FFFF;
    flat.present = 1;
    flat.db = 1;
    flat.s = 1;
    flat.g = 1;
    flat.type = 3; // data, writable, accessed
    flat.selector = 0x18;
    state.ds = state.es = state.ss = state.fs = state.gs = flat;
    flat.type = 11; // code, readable, accessed
    flat.selector = 0x10;
    state.cs = flat;
    state.cr0 = 0x11;
    call(cpu, KVM_SET_SREGS, &state, "KVM_SET_SREGS");
    kvm_regs registers{};
    registers.rip = entry;
    registers.rax = 0x2BAD'B002;
    registers.rbx = kInformation;
    registers.rflags = 2;
    call(cpu, KVM_SET_REGS, &registers, "KVM_SET_REGS");
}

// struct kvm_cpuid2 as C lays it out: its flexible member makes it larger in C++, and its size is part of the request.
struct CpuidHead {
    std::uint32_t count;
    std::uint32_t padding;
};
constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, CpuidHead);
constexpr unsigned long kSetCpuid = _IOW(KVMIO, 0x90, CpuidHead);
struct CpuidList {
    CpuidHead head;
    kvm_cpuid_entry2 entries[256];
};

// What KVM offers, without x2APIC: there is no interrupt controller here, so the guest leaves its timer out.
void set_cpuid(int system, int cpu) {
    auto list = std::make_unique<CpuidList>();
    list->head.count = sizeof list->entries / sizeof list->entries[0];
    call(system, kGetSupportedCpuid, list.get(), "KVM_GET_SUPPORTED_CPUID");
    for (std::uint32_t i = 0; i < list->head.count; ++i) {
        if (list->entries[i].function == 1) {
            list->entries[i].ecx &= ~(1U << 21);
        }
    }
    call(cpu, kSetCpuid, list.get(), "KVM_SET_CPUID2");
}

void serve_port(kvm_run& run) {
    auto* data = reinterpret_cast<std::uint8_t*>(&run) + run.io.data_offset;
    if (run.io.direction == KVM_EXIT_IO_OUT) {
        if (run.io.port == kConsole) {
            std::fwrite(data, 1, run.io.size * run.io.count, stdout);
            std::fflush(stdout);
        }
        return;
    }
    std::memset(data, 0xFF, run.io.size * run.io.count);
    if (run.io.port == kConsole + 5) {
        *data = 0x60; // empty, idle
    }
}

} // namespace

int main(int count, char** words) {
    if (count != 2) {
        fail("usage: kvm-runner KERNEL");
    }
    const int system = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (system < 0) {
        fail(std::string("/dev/kvm: ") + std::strerror(errno));
    }
    const int machine = call(system, KVM_CREATE_VM, 0UL, "KVM_CREATE_VM");
    void* mapping = mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) {
        fail(std::string("mmap: ") + std::strerror(errno));
    }
    kvm_userspace_memory_region region{};
    region.memory_size = kMemory;
    region.userspace_addr = reinterpret_cast<std::uint64_t>(mapping);
    call(machine, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
    const int cpu = call(machine, KVM_CREATE_VCPU, 0UL, "KVM_CREATE_VCPU");
    const auto run_size = static_cast<std::size_t>(call(system, KVM_GET_VCPU_MMAP_SIZE, 0UL, "KVM_GET_VCPU_MMAP_SIZE"));
    void* shared = mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    if (shared == MAP_FAILED) {
        fail(std::string("mmap of the virtual CPU: ") + std::strerror(errno));
    }
    auto& run = *static_cast<kvm_run*>(shared);
    set_cpuid(system, cpu);
    start_protected(cpu, load_kernel(read_file(words[1]), static_cast<std::uint8_t*>(mapping)));
    for (;;) {
        call(cpu, KVM_RUN, 0UL, "KVM_RUN");
        switch (run.exit_reason) {
        case KVM_EXIT_IO:
            serve_port(run);
            break;
        case KVM_EXIT_HLT:
            return 0;
        default:
            fail("the guest left for a reason that is not served: " + std::to_string(run.exit_reason));
        }
    }
}
