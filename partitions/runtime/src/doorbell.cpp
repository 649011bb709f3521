// SPDX-License-Identifier: Apache-2.0
#include <septum/runtime/doorbell.hpp>

#include <septum/runtime/call.hpp>
#include <septum/runtime/cpu.hpp>
#include <septum/runtime/interrupts.hpp>

namespace septum::guest {
namespace {

constexpr u8 kFirstVector = 32; // below are exceptions
constexpr unsigned kPauses = 256;

void rung(Frame&) {} // waking up is all it does

} // namespace

bool ring(u32 index) {
    return call(Hypercall::doorbell, index) == 0;
}

Doorbell::Doorbell(const InfoChannel& channel) : interrupts_(channel.doorbell != 0 && channel.vector >= kFirstVector) {
    if (interrupts_) {
        on_vector(channel.vector, rung);
    }
}

void Doorbell::wait() const {
    if (interrupts_) {
        cpu::sleep();
        return;
    }
    for (unsigned i = 0; i < kPauses; ++i) {
        cpu::pause();
    }
}

} // namespace septum::guest
