// SPDX-License-Identifier: Apache-2.0
// What the kernel takes for the instruction at a nested page fault, and when it takes none.
#include "devices.hpp"
#include "kernel/x86_64/svm/device.hpp"

#include <array>
#include <memory>

namespace septum::kernel {
namespace {

constexpr u64 kWrite = 0x2; // of a page-fault error code
constexpr u64 kFetch = 0x10;
constexpr u64 kFinalTranslation = 1ULL << 32;
constexpr u64 kGuestTable = 1ULL << 33;
constexpr u64 kCode = 0x100; // where the instruction lies, guest-physical and, without paging, linear

struct alignas(kPageSize) Page {
    std::array<u8, kPageSize> bytes{};
};

struct ReadInstruction : core::DeviceMachine {
    std::unique_ptr<Page> memory = std::make_unique<Page>();
    std::unique_ptr<svm::Vmcb> vmcb = std::make_unique<svm::Vmcb>();
    std::unique_ptr<PerCpu> self = std::make_unique<PerCpu>();
    manifest::Region region{};
    core::Exit exit;

    ReadInstruction() {
        constexpr std::array<u8, 7> kStore{0xC7, 0x01, 0x78, 0x56, 0x34, 0x12, 0x90}; // MOV DWORD [ECX], 0x12345678
        std::copy(kStore.begin(), kStore.end(), memory->bytes.begin() + kCode);
        region.hpa = Hpa{reinterpret_cast<u64>(memory.get())};
        region.size = kPageSize;
        region.kind = manifest::RegionKind::ram;
        self->vmcb = vmcb.get();
        self->manifest = manifest;
        self->regions = {&region, 1};
        vmcb->cs.attributes = 1u << 10; // 32-bit code
        vmcb->rip = kCode;
        vmcb->rsp = 0x8888;
        vmcb->exit_info1 = kFinalTranslation | kWrite;
        exit.access = manifest::kWrite;
        exit.address = core::kTableGpa;
    }
    void read() { svm::read_instruction(*self, exit); }
};

TEST_F(ReadInstruction, TakesTheMoveAtTheInstructionPointer) {
    read();
    ASSERT_NE(exit.mov, nullptr);
    EXPECT_TRUE(exit.mov->store);
    EXPECT_EQ(exit.mov->immediate, 0x1234'5678u);
    EXPECT_EQ(exit.next_rip, kCode + 6);
    EXPECT_EQ(self->state.registers[core::kRsp], 0x8888u);
}

TEST_F(ReadInstruction, TakesWhatTheProcessorHasRead) {
    vmcb->fetched = 3;
    vmcb->instruction[0] = 0x66;
    vmcb->instruction[1] = 0x89;
    vmcb->instruction[2] = 0x01; // MOV [ECX], AX
    read();
    ASSERT_NE(exit.mov, nullptr);
    EXPECT_EQ(exit.mov->width, 2u);
    EXPECT_EQ(exit.next_rip, kCode + 3);
}

TEST_F(ReadInstruction, TakesNoneWhileAnEventIsDelivered) {
    for (const u64 event :
         {0x8000'030DULL, 0x8000'0050ULL, 0x8000'0B0EULL, 0x8000'0202ULL}) { // #GP, interrupt, #PF, NMI
        vmcb->exit_interrupt_info = event;
        read();
        EXPECT_EQ(exit.mov, nullptr) << event;
    }
    vmcb->exit_interrupt_info = 0x0000'030D; // left over, not valid
    read();
    EXPECT_NE(exit.mov, nullptr);
}

TEST_F(ReadInstruction, TakesNoneForTheProcessorsOwnWalk) {
    vmcb->exit_info1 = kGuestTable | kWrite;
    read();
    EXPECT_EQ(exit.mov, nullptr);
}

TEST_F(ReadInstruction, TakesNoneForAFetch) {
    vmcb->exit_info1 = kFinalTranslation | kFetch;
    exit.access = manifest::kExecute;
    read();
    EXPECT_EQ(exit.mov, nullptr);
}

TEST_F(ReadInstruction, TakesNoneOutOfWhatIsNoMemory) {
    vmcb->rip = 2 * kPageSize;
    read();
    EXPECT_EQ(exit.mov, nullptr);
}

} // namespace
} // namespace septum::kernel
