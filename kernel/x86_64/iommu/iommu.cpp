// SPDX-License-Identifier: Apache-2.0
// One dispatch on the kind of unit, one lock round it, and what is said of blocked requests.
#include "kernel/x86_64/iommu/iommu.hpp"

#include "kernel/lifecycle/event_log.hpp"
#include "kernel/lifecycle/lifecycle.hpp"
#include "kernel/log.hpp"
#include "kernel/percpu.hpp"
#include "kernel/x86_64/apic/local_apic.hpp"
#include "kernel/x86_64/iommu/amd_vi_format.hpp"
#include "kernel/x86_64/iommu/backend.hpp"
#include "kernel/x86_64/iommu/vt_d_format.hpp"

namespace septum::kernel::iommu {

namespace {

constexpr u32 kFaultsPerCall = 64; // more than one requester may cause before it is suppressed

bool is_amd_vi(const manifest::Header& header) { return header.iommu.kind == manifest::IommuKind::amd_vi; }

constinit FaultBook book;
constinit u32 said_lost = 0;
constinit bool silent = false; // for the rest of the run; only the fault CPU looks

void open(const manifest::Header& header, const manifest::Device& device, bool open) {
    is_amd_vi(header) ? amd_vi::open(header, device, open) : vt_d::open(header, device, open);
}

void hear(const manifest::Header& header, bool on) {
    is_amd_vi(header) ? amd_vi::listen(header, on) : vt_d::listen(header, on);
}

const manifest::Device* owned_device(const manifest::Header& header, u16 requester) {
    const auto devices = records<manifest::Device>(header, header.devices);
    for (u32 i = 0; i < devices.count; i++) {
        if (devices.first[i].bdf == requester && requester != manifest::kNobody) {
            return devices.first + i;
        }
    }
    return nullptr;
}

void hex_digits(Line& line, u32 value, u32 digits) {
    while (digits > 0) {
        digits--;
        const u32 digit = value >> digits * 4 & 15;
        line.put(static_cast<char>(digit < 10 ? '0' + digit : 'a' + (digit - 10)));
    }
}

void name(Line& line, const manifest::Header& header, u16 requester, const manifest::Device* device) {
    hex_digits(line, requester >> 8, 2);
    hex_digits(line.put(':'), requester >> 3 & 31, 2);
    hex_digits(line.put('.'), requester & 7, 1);
    if (device == nullptr) {
        line << " (nobody's)";
        return;
    }
    line << " (`" << device->name << "` of `"
         << records<manifest::Partition>(header, header.partitions).first[device->partition].name << "`)";
}

void say(const manifest::Header& header, const Fault& fault, const manifest::Device* device) {
    Line line;
    line << (fault.kind == Fault::Kind::dma ? "septum: dma blocked: " : "septum: interrupt blocked: ");
    name(line, header, fault.requester, device);
    if (fault.kind == Fault::Kind::dma) {
        line << (fault.write ? " write at " : " read at ") << Hex{fault.address};
    } else {
        line << " entry " << fault.address;
    }
    line << ", reason " << Hex{fault.reason};
    line.send();
    lifecycle::log_event(guest::EventKind::dma_fault, device == nullptr ? manifest::kNobody : device->partition, fault.reason,
                         fault.address, fault.requester);
}

} // namespace

constinit hw::TurnLock lock;

void give_up(const char* what) {
    Line line;
    line << "septum: halted: the iommu does not answer: " << what;
    lifecycle::halt_system(line);
}

Message remap(const manifest::Header& header, const manifest::Device& device, u32 index, core::Route route) {
    if (index >= device.handles) {
        return {};
    }
    if (is_amd_vi(header)) {
        amd_vi::remap(header, device, index, route);
        return {amd_vi::message_address(0), index}; // any address of the range: the entry names the destination
    }
    vt_d::remap(header, device, index, route);
    return {vt_d::remappable_address(device.first_handle), index};
}

void block(const manifest::Header& header, const manifest::Device& device) {
    const hw::Turn turn(lock);
    open(header, device, false);
}

void unblock(const manifest::Header& header, const manifest::Device& device) {
    const hw::Turn turn(lock);
    book.forget(device.bdf);
    open(header, device, true);
}

void listen(const manifest::Header& header) {
    if (header.iommu.kind != manifest::IommuKind::none) {
        hear(header, true);
    }
}

void report_faults(const manifest::Header& header) {
    for (u32 i = 0; i < kFaultsPerCall; i++) {
        if (silent) {
            return;
        }
        Fault fault;
        if (!(is_amd_vi(header) ? amd_vi::next_fault(header, fault) : vt_d::next_fault(header, fault))) {
            return;
        }
        if (fault.kind == Fault::Kind::unit) {
            give_up("it reports an error of its own");
        }
        if (fault.kind == Fault::Kind::lost) {
            if (said_lost < FaultBook::kSaid) {
                said_lost++;
                Line line;
                line << "septum: dma blocked: more than the iommu could record";
                line.send();
            }
            continue;
        }
        const hw::Turn turn(lock);
        const FaultBook::Verdict verdict = book.note(fault.requester);
        const manifest::Device* device = owned_device(header, fault.requester);
        Line line;
        line << "septum: no more is said of blocked requests";
        switch (verdict) {
        case FaultBook::Verdict::say_nothing: break;
        case FaultBook::Verdict::silence:
            silent = true;
            hear(header, false);
            line << " of any device";
            line.send();
            return;
        case FaultBook::Verdict::say:
        case FaultBook::Verdict::say_last:
            say(header, fault, device);
            if (verdict == FaultBook::Verdict::say_last) {
                if (device != nullptr) {
                    is_amd_vi(header) ? amd_vi::suppress(header, *device) : vt_d::suppress(header, *device);
                }
                name(line << " of ", header, fault.requester, device);
                line.send();
            }
            break;
        }
    }
    // There may be more, and the unit tells only of the first: come back, but let the guest have its turn.
    apic::send(header.apic, header.iommu.fault_apic_id, apic::kDeliverNmi);
}

} // namespace septum::kernel::iommu
