// SPDX-License-Identifier: Apache-2.0
#include "verifier/explain/examples.hpp"

namespace septum::verifier {

namespace {

struct Example {
    std::string_view id;
    const char* text;
};

constexpr Example kExamples[] = {
    {"acpi.consistent",
     "A Linux guest's MADT lists three processors although two are declared: it would wait for the third."},
    {"asid.unique",
     "Two partitions run with address-space id 1, so one may use translations that the other left in the TLB."},
    {"board.contract",
     "The manifest does not ask for the board's second IOMMU register, so another machine would boot the image too."},
    {"cache.policy", "A policy asks that two partitions share no last-level cache, and both own CPUs of one socket."},
    {"chan.directed",
     "The reader of `request` finds it mapped writable, so it can answer where nobody declared an answer."},
    {"chan.doorbell", "`request` rings CPU 3, which is not its reader's."},
    {"chan.no-exec", "The reader may execute what the writer put into the channel."},
    {"chan.sizes", "A channel of 64 KiB is mapped with 128 KiB, so its neighbour is in reach."},
    {"cpu.exclusive", "`vault` and `gateway` are both pinned to CPU 2."},
    {"cpu.exists", "CPU 7 is pinned, and the board has four."},
    {"cpu.smt-exclusive", "`vault` runs on one thread of a core and `gateway` on the other."},
    {"cpuid.filtered", "Leaf 0x8000000A shows a guest that it might use SVM itself."},
    {"dev.bars-owned", "The registers of `nic0` are mapped into two partitions."},
    {"dev.exclusive", "Two partitions list `nic0`."},
    {"dev.exists", "A partition lists `nic1`, and the board file has only `nic0`."},
    {"dev.functions-together",
     "Functions 0 and 1 of one card, which cannot be told apart, belong to different partitions."},
    {"dev.reset", "A device that cannot be reset goes to a partition that restarts."},
    {"dma.absent-blocked", "Requester 00:1f.2, which nobody owns, is let through."},
    {"dma.ats-off", "A device may ask for translations and then say that its addresses are translated."},
    {"dma.confined", "`nic0` of `gateway` reaches a page of `vault`."},
    {"dma.no-passthrough", "A context entry says that requests are not translated: the device reaches all of memory."},
    {"dma.p2p", "Two devices below one bridge without ACS reach each other past the IOMMU."},
    {"dma.reserved-regions", "The firmware wants a region kept mapped for a device, and a partition's RAM lies there."},
    {"exit.complete", "An access to MSR 0x1A0 exits and the manifest has no answer for it."},
    {"exit.intercepts", "A VMCB does not intercept VMRUN, so a guest could start one of its own."},
    {"flow.declared", "The tables of `intruder` map a page that `vault` writes, without a channel."},
    {"flow.policy",
     "`internet` must never reach `vault`, but it reaches `gateway`, and `gateway` writes a channel to `vault`."},
    {"image.boot-path", "grub.cfg loads another bundle than the one that was judged."},
    {"image.digests", "One byte of the sealed tables was changed after they were hashed."},
    {"image.kernel", "The kernel in the image is not the one whose digest the manifest has."},
    {"image.layout", "The kernel's workspace begins inside the kernel's image."},
    {"image.manifest", "The manifest lists more CPUs than it has records."},
    {"image.well-formed", "A page-table entry has reserved bits set."},
    {"io.answers", "Port 0x3F9 exits and would be answered by nobody, although the console has it."},
    {"io.dangerous", "A partition reaches port 0xCF8 and so the configuration of every device."},
    {"io.exact", "Ports 0x3F0..0x3F7 are declared, and the map grants 0x3F8 as well."},
    {"io.owned", "Two partitions reach port 0x2F8."},
    {"irq.ioapic-masked", "An entry of the I/O APIC is left unmasked at boot."},
    {"irq.ipi",
     "A guest writes the interrupt command register without an exit and interrupts another partition's CPU."},
    {"irq.lvt", "A guest programs its local vector table to deliver an SMI."},
    {"irq.owned", "An interrupt of `nic0` may go to a CPU of `vault`."},
    {"irq.remapped", "The kernel finds that interrupt remapping did not come on."},
    {"irq.source-checked", "An entry of the remapping table takes interrupts from any requester."},
    {"irq.vectors", "A doorbell raises vector 14, which is a page fault."},
    {"mem.disjoint", "`vault` is pinned at 0x40200000 and `gateway` owns 0x40000000..0x40400000."},
    {"mem.exact", "Guest-physical 0x5000 of `vault` leads to a page that the manifest gives to nobody."},
    {"mem.kernel-exact", "The kernel maps a page of a partition's RAM."},
    {"mem.kernel-private", "A partition's tables lead into the kernel's workspace."},
    {"mem.memory-type", "RAM is mapped uncacheable, which a neighbour feels on the bus."},
    {"mem.no-alias", "Two guest addresses of `vault` lead to one page."},
    {"mem.payload-fits", "A segment of an ELF would be loaded beyond the partition's RAM."},
    {"mem.permissions", "The reader's end of a channel is writable."},
    {"mem.reserved-bits", "An entry has an address bit above the processor's 40."},
    {"mem.scrubbed", "The kernel would launch a partition in memory that was not cleared."},
    {"mem.stack-guards", "The page below a kernel stack is mapped, so an overflow goes on silently."},
    {"mem.tables-private", "`vault` can write a page of its own nested tables."},
    {"mem.within-board", "A partition of 4 GiB is pinned at 2 GiB on a board with 3 GiB."},
    {"mem.wx", "A page of the kernel is writable and executable."},
    {"msr.allowlist", "Writes to the microcode update MSR do not exit."},
    {"msr.exact", "MSR 0x277 is declared passed for reading and writing, and the map passes only reading."},
    {"msr.outside-map", "An MSR that no map covers is not intercepted because the map is not in use."},
    {"part.conduct", "The YAML says that a fault stops `vault`, and the manifest restarts it."},
    {"pci.config-filtered", "A guest may write the command register of a device that is not its own."},
    {"sched.complete", "A slot of a shared CPU belongs to nobody."},
    {"sched.equal-major", "The major frames of two CPUs differ, so their phases drift apart."},
    {"sched.fits", "The slots of a CPU add up to more than its major frame."},
    {"sched.no-overlap", "Two partitions own the same slot."},
    {"sched.sanitised", "A switch leaves branch history behind although the policy asks to flush it."},
    {"vmcb.features", "A VMCB turns on virtual VMLOAD, which nothing here asks for."},
    {"vmcb.tables", "The VMCB of `vault` points to the nested tables of `gateway`."},
};

} // namespace

std::string example_of(std::string_view id) {
    for (const Example& example : kExamples) {
        if (example.id == id) {
            return example.text;
        }
    }
    return {};
}

} // namespace septum::verifier
