// SPDX-License-Identifier: Apache-2.0
// Models, kernels and payloads made by hand, so that these tests need neither YAML nor a compiler for guests.
#pragma once

#include "build/build.hpp"
#include "config/model.hpp"

#include <septum/manifest/layout.hpp>

#include <gtest/gtest.h>

#include <algorithm>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace septum::build::test {

inline config::Span at(std::uint32_t line) {
    return {0, line, 5, line, 10};
}

inline config::Board make_board(std::uint32_t cpus = 4, std::uint64_t memory = 1008 * kMiB) {
    config::Board board;
    board.name = {"test-board", at(1)};
    board.apic = {config::Apic::x2apic, at(2)};
    board.physical_address_bits = 40;
    board.trampoline = {0x8000, at(3)};
    for (std::uint32_t i = 0; i < cpus; ++i) {
        board.cpus.push_back({{i, at(4)}, i});
    }
    board.memory.push_back({{16 * kMiB, at(6)}, {memory, at(6)}});
    board.memory.insert(board.memory.begin(), config::BoardMemory{{2 * kMiB, at(5)}, {6 * kMiB, at(5)}});
    board.iommu.kind = config::BoardIommu::vt_d;
    board.iommu.registers = {0xFED9'0000, at(7)};
    board.huge_pages_1g = true;
    config::BoardPciFunction bridge;
    bridge.name = {"host-bridge", at(8)};
    bridge.vendor = 0x8086;
    bridge.device = 0x29C0;
    board.pci.push_back(bridge);
    return board;
}

inline config::Partition make_partition(const std::string& name, std::uint64_t memory, std::uint32_t cpus = 1) {
    config::Partition partition;
    partition.name = {name, at(20)};
    partition.cpu_count = cpus;
    partition.cpus_span = at(21);
    partition.memory = {memory, at(22)};
    partition.boot.image = {name + ".elf", at(23)};
    partition.console = true;
    return partition;
}

inline config::Channel make_channel(const std::string& name, std::uint32_t from, std::uint32_t to, std::uint64_t size,
                                    bool doorbell) {
    config::Channel channel;
    channel.name = {name, at(30)};
    channel.from = {from, at(31)};
    channel.to = {to, at(31)};
    channel.size = {size, at(32)};
    channel.doorbell = doorbell;
    return channel;
}

// Two native partitions, a channel each way.
inline config::Model make_pair() {
    config::Model model;
    model.name = {"pair", at(10)};
    model.board = make_board();
    model.partitions.push_back(make_partition("alpha", 8 * kMiB, 2));
    model.partitions.push_back(make_partition("beta", 4 * kMiB));
    model.partitions[1].on_fault.action = config::FaultAction::restart;
    model.partitions[1].on_fault.by_cause = {config::FaultAction::restart, config::FaultAction::restart,
                                             config::FaultAction::restart, config::FaultAction::restart,
                                             config::FaultAction::stop,    config::FaultAction::restart};
    model.partitions[1].on_fault.attempts = 3;
    model.channels.push_back(make_channel("answer", 1, 0, 64 * kKiB, true));
    model.channels.push_back(make_channel("request", 0, 1, 64 * kKiB, true));
    return model;
}

// An NVMe disk behind a bridge and a card with plain MSI on the root bus, as QEMU has them.
inline void add_devices(config::Board& board) {
    config::BoardPciFunction edu;
    edu.name = {"edu", at(40)};
    edu.span = at(40);
    edu.bdf = 5U << 3U;
    edu.vendor = 0x1234;
    edu.device = 0x11E8;
    edu.class_code = 0x00'FF00;
    edu.bars.push_back({0, {0xF040'0000, at(41)}, {kMiB, at(41)}, false, false});
    edu.msi = {0x40, 1, true, false};
    edu.group.value = 0x1'0000U + edu.bdf;
    edu.assignable = true;
    board.pci.push_back(edu);
    config::BoardPciFunction port;
    port.name = {"port1", at(42)};
    port.bdf = 2U << 3U;
    port.vendor = 0x1B36;
    port.device = 0x000C;
    port.is_bridge = true;
    port.bridge = {1, 1, 0x148, 0xF000'0000, 2 * kMiB, 0, 0};
    board.pci.push_back(port);
    config::BoardPciFunction nvme;
    nvme.name = {"nvme0", at(43)};
    nvme.span = at(43);
    nvme.bdf = 1U << 8U;
    nvme.vendor = 0x1B36;
    nvme.device = 0x0010;
    nvme.class_code = 0x01'0802;
    nvme.bars.push_back({0, {0xF000'0000, at(44)}, {16 * kKiB, at(44)}, true, false});
    nvme.msix = {0x40, 65, 0, 0x2000, 0, 0x3000};
    nvme.pcie_at = 0x80;
    nvme.power_at = 0x60;
    nvme.capabilities.push_back({0xC0, 0x09, 18});
    nvme.capabilities.push_back({0xE0, 0x13, 6});
    nvme.reset = config::DeviceReset::flr;
    nvme.reset_span = at(45);
    nvme.group.value = 0x1'0000U + nvme.bdf;
    nvme.assignable = true;
    board.pci.push_back(nvme);
    std::sort(board.pci.begin(), board.pci.end(),
              [](const config::BoardPciFunction& a, const config::BoardPciFunction& b) { return a.bdf < b.bdf; });
}

inline std::size_t function_named(const config::Board& board, const std::string& name) {
    for (std::size_t i = 0; i < board.pci.size(); ++i) {
        if (board.pci[i].name.value == name) {
            return i;
        }
    }
    ADD_FAILURE() << name;
    return 0;
}

inline void grant(config::Model& model, std::size_t partition, const std::string& name, std::uint32_t line) {
    model.partitions[partition].devices.push_back({name, at(line)});
    model.partitions[partition].device_indices.push_back(function_named(model.board, name));
}

// Two partitions with a device each: alpha owns the card and is never restarted, beta owns the disk.
inline config::Model make_owners() {
    config::Model model = make_pair();
    add_devices(model.board);
    model.partitions[0].on_fault.by_cause.fill(config::FaultAction::stop);
    grant(model, 0, "edu", 50);
    grant(model, 1, "nvme0", 51);
    return model;
}

struct ElfSegmentSpec {
    std::uint32_t flags = 5; // R X
    std::uint64_t address = 0x10'0000;
    std::uint64_t memory_size = 0;
    Bytes bytes;
};

template <typename T>
void put(Bytes& bytes, std::size_t offset, T value) {
    if (bytes.size() < offset + sizeof(T)) {
        bytes.resize(offset + sizeof(T));
    }
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

inline Bytes make_elf(std::uint64_t entry, const std::vector<ElfSegmentSpec>& segments) {
    Bytes elf;
    put(elf, 0, std::uint32_t{0x464C'457F});
    put(elf, 4, std::uint8_t{2});
    put(elf, 5, std::uint8_t{1});
    put(elf, 6, std::uint8_t{1});
    put(elf, 16, std::uint16_t{2});
    put(elf, 18, std::uint16_t{62});
    put(elf, 20, std::uint32_t{1});
    put(elf, 24, entry);
    put(elf, 32, std::uint64_t{64});
    put(elf, 52, std::uint16_t{64});
    put(elf, 54, std::uint16_t{56});
    put(elf, 56, static_cast<std::uint16_t>(segments.size()));
    put(elf, 62, std::uint16_t{0});
    std::size_t data = 64 + segments.size() * 56;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const std::size_t header = 64 + i * 56;
        put(elf, header, std::uint32_t{1});
        put(elf, header + 4, segments[i].flags);
        put(elf, header + 8, std::uint64_t{data});
        put(elf, header + 16, segments[i].address);
        put(elf, header + 24, segments[i].address);
        put(elf, header + 32, std::uint64_t{segments[i].bytes.size()});
        put(elf, header + 40, std::max(segments[i].memory_size, std::uint64_t{segments[i].bytes.size()}));
        put(elf, header + 48, std::uint64_t{1});
        data += segments[i].bytes.size();
    }
    for (const auto& segment : segments) {
        elf.insert(elf.end(), segment.bytes.begin(), segment.bytes.end());
    }
    return elf;
}

// Boot part, text, constants, data with zeros behind it: 7 pages from 2 MiB on.
inline Bytes make_kernel() {
    return make_elf(0x20'0000, {{5 | layout::kSegmentBootOnly, 0x20'0000, 0, Bytes(0x800, 0xB0)},
                                {5, 0x20'1000, 0, Bytes(0x1800, 0x7E)},
                                {4, 0x20'3000, 0, Bytes(0x100, 0xC0)},
                                {6, 0x20'4000, 0x2400, Bytes(0x10, 0xDA)}});
}

inline Bytes make_guest_elf() {
    return make_elf(0x10'0000, {{5, 0x10'0000, 0, Bytes(0x20, 0x90)}, {6, 0x10'1000, 0x3000, Bytes(8, 0x11)}});
}

// The smallest bzImage there can be: a setup sector and 1 KiB of protected-mode code.
inline Bytes make_bzimage() {
    Bytes image(2 * 512 + 1024, 0);
    put(image, 0x1F1, std::uint8_t{1});
    put(image, 0x1F4, std::uint32_t{64});
    put(image, 0x1FE, std::uint16_t{0xAA55});
    put(image, 0x200, std::uint8_t{0xEB});
    put(image, 0x201, std::uint8_t{0x6A});
    put(image, 0x202, std::uint32_t{0x5372'6448});
    put(image, 0x206, std::uint16_t{0x020F});
    put(image, 0x211, std::uint8_t{1});
    put(image, 0x22C, std::uint32_t{0x7FFF'FFFF});
    put(image, 0x230, std::uint32_t{0x20'0000});
    put(image, 0x236, std::uint16_t{0x3F});
    put(image, 0x238, std::uint32_t{2047});
    put(image, 0x258, std::uint64_t{0x100'0000});
    put(image, 0x260, std::uint32_t{0x200'0000});
    std::fill(image.begin() + 1024, image.end(), std::uint8_t{0xCC});
    return image;
}

inline std::vector<PayloadFile> pair_payloads() {
    return {{"alpha.elf", make_guest_elf()}, {"beta.elf", make_guest_elf()}};
}

template <typename T>
T get(std::span<const std::uint8_t> bytes, std::size_t offset) {
    T value{};
    EXPECT_LE(offset + sizeof(T), bytes.size());
    if (offset + sizeof(T) <= bytes.size()) {
        std::memcpy(&value, bytes.data() + offset, sizeof(T));
    }
    return value;
}

} // namespace septum::build::test
