// SPDX-License-Identifier: Apache-2.0
// The order at boot. Every step either holds or ends here with one line; nothing starts before all of them hold.
#include "kernel/boot/bundle.hpp"
#include "kernel/boot/cpu.hpp"
#include "kernel/boot/crash_record.hpp"
#include "kernel/boot/exceptions.hpp"
#include "kernel/boot/image.hpp"
#include "kernel/boot/iommu.hpp"
#include "kernel/boot/legacy.hpp"
#include "kernel/boot/line.hpp"
#include "kernel/boot/local_apic.hpp"
#include "kernel/boot/map.hpp"
#include "kernel/boot/memory_map.hpp"
#include "kernel/boot/multiboot.hpp"
#include "kernel/boot/pages.hpp"
#include "kernel/boot/pci.hpp"
#include "kernel/boot/processors.hpp"
#include "kernel/boot/refuse.hpp"
#include "kernel/boot/watchdog.hpp"
#include "kernel/hw/memory.hpp"
#include "kernel/hw/port.hpp"
#include "kernel/hw/uart.hpp"
#include "kernel/resident.hpp"

namespace septum::kernel::boot {

namespace {

PciFound pci;

// COM1: 115,200 baud, 8N1, FIFO on, no interrupts.
void setup_uart() {
    hw::out8(hw::kUartPort + 1, 0x00);
    hw::out8(hw::kUartPort + 3, 0x80);
    hw::out8(hw::kUartPort + 0, 0x01);
    hw::out8(hw::kUartPort + 1, 0x00);
    hw::out8(hw::kUartPort + 3, 0x03);
    hw::out8(hw::kUartPort + 2, 0x07);
    hw::out8(hw::kUartPort + 4, 0x03);
}

Refusal check_loader(u32 magic, u32 information, Loaded& loaded) {
    if (magic != kMultibootMagic) {
        return {Code::loader, Value::text("multiboot2 magic"), {}, Value::hex(kMultibootMagic), Value::hex(magic)};
    }
    SEPTUM_REQUIRE(read_multiboot({hw::at<const u8>(Hpa{information}), kMaxInformation}, loaded));
    if (loaded.module_begin % kPageSize != 0) {
        return {Code::loader,
                Value::text("multiboot2 module"),
                {},
                Value::text("page aligned"),
                Value::hex(loaded.module_begin)};
    }
    return kHolds;
}

// All that can be asked before anything is moved.
Refusal check_board(const manifest::Header& header, const MemoryMap& memory) {
    const manifest::Range own[] = {
        header.kernel, {header.bundle_base, header.bundle_size}, header.workspace, {header.trampoline, kPageSize}};
    for (const auto& range : own) {
        SEPTUM_REQUIRE(check_usable(memory, range));
    }
    for (const auto& range : records<manifest::Range>(header, header.ram)) {
        SEPTUM_REQUIRE(check_usable(memory, range));
    }
    const auto facts = records<manifest::Fact>(header, header.facts);
    SEPTUM_REQUIRE(check_pci_set(facts, {pci.functions, pci.count}));
    SEPTUM_REQUIRE(check_pci_facts(header));
    return ready_cpu(header);
}

// Zeroes what the loader's copy leaves behind outside the planned place.
void scrub_source(u64 begin, u64 end, u64 kept_begin, u64 kept_end) {
    const u64 below = end < kept_begin ? end : kept_begin;
    if (begin < below) {
        hw::scrub(Hpa{begin}, below - begin);
    }
    const u64 above = begin > kept_end ? begin : kept_end;
    if (above < end) {
        hw::scrub(Hpa{above}, end - above);
    }
}

// Moves the bundle to its planned place; what the loader handed over is not looked at any more. Only then are the
// digests worth something: no device and no other CPU can write there.
Refusal place_bundle(Bytes source, Bytes& placed) {
    const manifest::Header& header = *reinterpret_cast<const manifest::Header*>(source.data);
    const u64 from = reinterpret_cast<u64>(source.data);
    const u64 to = header.bundle_base.value;
    SEPTUM_REQUIRE(map("bundle", {header.bundle_base, header.bundle_size}));
    SEPTUM_REQUIRE(map("workspace", header.workspace));

    placed = {hw::at<const u8>(Hpa{to}), source.size};
    move_pages(Hpa{to}, Hpa{from}, source.size);
    scrub_source(from, from + source.size, to, to + source.size);

    SEPTUM_REQUIRE(check_bundle(placed, kernel_range()));
    SEPTUM_REQUIRE(check_tables(placed));
    SEPTUM_REQUIRE(check_padding(placed));
    const manifest::Header& own = *reinterpret_cast<const manifest::Header*>(placed.data);
    SEPTUM_REQUIRE(check_kernel(own.kernel_digest));
    hw::scrub(own.workspace.base, own.workspace.size);
    return map("event log", own.event_log);
}

void say_name(const manifest::Header& header) {
    char buffer[kLineSize];
    Line<kLineSize> line(buffer);
    line.put("septum: ").put(header.name, sizeof header.name).put(" on ").put(header.board, sizeof header.board);
    line.put(", ")
        .decimal(header.partitions.count)
        .put(header.partitions.count == 1 ? " partition, " : " partitions, ");
    line.decimal(header.cpus.count).put(header.cpus.count == 1 ? " CPU" : " CPUs").put('\n');
    say(buffer);
}

void say_contract(const manifest::Header& header) {
    const u64 iommu = header.iommu.kind == manifest::IommuKind::none ? 0 : 3; // version and two sets of capabilities
    char buffer[kLineSize];
    Line<kLineSize> line(buffer);
    line.put("septum: contract holds: ");
    boot_facts.facts = header.facts.count + header.ram.count + header.cpus.count + iommu;
    line.decimal(boot_facts.facts).put(" facts").put('\n');
    say(buffer);
}

} // namespace

} // namespace septum::kernel::boot

extern "C" [[noreturn, gnu::used]] void boot_main(septum::u32 magic, septum::u32 information) {
    using namespace septum;
    using namespace septum::kernel;
    using namespace septum::kernel::boot;

    setup_uart();
    make_exception_table();
    load_exception_table();

    Loaded loaded;
    require(check_loader(magic, information, loaded));
    mask_legacy_interrupts();
    now_doing("pci");
    require(silence_pci(pci));

    now_doing("manifest");
    const Bytes source{hw::at<const u8>(Hpa{loaded.module_begin}), loaded.module_end - loaded.module_begin};
    require(check_bundle(source, kernel_range()));
    const auto& offered = *reinterpret_cast<const manifest::Header*>(source.data);
    say_name(offered);
    say_crash_record(offered);
    require(check_board(offered, loaded.memory));
    now_doing("iommu");
    require(iommu::block_everything(offered, {Hpa{loaded.module_begin}, source.size}));

    now_doing("bundle");
    Bytes placed;
    require(place_bundle(source, placed));
    const auto& header = *reinterpret_cast<const manifest::Header*>(placed.data);
    require(iommu::use_sealed(header));
    now_doing("pci");
    require(program_pci(header, pci));
    now_doing("watchdog");
    require(ready_watchdog(header));
    boot_facts.manifest = &header;

    u32 own_index = 0;
    require(find_cpu(header, read_apic_id(), own_index));
    require(start_processors(header, boot_facts.tsc_hz));
    say_contract(header);
    launch(header, own_index);
}
