// SPDX-License-Identifier: Apache-2.0
// Puts the bundle together: gathers what each part needs, gives every part its offset, then lets the encoders write
// straight into the one buffer.
#include "build/build.hpp"

#include "build/devices.hpp"
#include "build/records.hpp"
#include "build/tables/digest.hpp"
#include "build/tables/facts.hpp"
#include "build/tables/guest_image.hpp"
#include "build/tables/iommu.hpp"
#include "build/tables/kernel_tables.hpp"
#include "build/tables/manifest_writer.hpp"
#include "build/tables/nested.hpp"
#include "build/tables/pci_rules.hpp"
#include "build/tables/permission_maps.hpp"
#include "build/tables/rules.hpp"
#include "build/tables/watchdog.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>
#include <optional>

namespace septum::build {
namespace {

constexpr std::uint64_t kBundleLimit = 0xFFFF'F000; // offsets are 32 bits wide

constexpr std::uint64_t page_up(std::uint64_t value) {
    return (value + kPageSize - 1) & ~(kPageSize - 1);
}

// Offsets in the bundle.
struct PartitionLayout {
    std::uint64_t npt = 0;
    std::uint64_t npt_size = 0;
    std::uint64_t iopm = 0;
    std::uint64_t msrpm = 0;
    std::uint64_t vmcb_boot = 0;
    std::uint64_t vmcb_ap = 0;
    std::vector<std::uint64_t> payloads; // one per piece
};

struct BundleLayout {
    std::uint64_t tables = 0; // the manifest lies before it
    std::uint64_t kernel_tables = 0;
    std::uint64_t kernel_tables_size = 0;
    std::uint64_t iommu_written = 0; // by the kernel, at run time
    std::uint64_t iommu_sealed = 0;
    IommuSizes iommu;
    std::vector<PartitionLayout> partitions;
    std::uint64_t tables_end = 0;
    std::uint64_t end = 0;
};

manifest::OnFault on_fault(config::FaultAction action) {
    switch (action) {
    case config::FaultAction::restart:
        return manifest::OnFault::restart;
    case config::FaultAction::halt_system:
        return manifest::OnFault::halt_system;
    case config::FaultAction::stop:
        break;
    }
    return manifest::OnFault::stop;
}

manifest::BootKind boot_kind(config::BootKind kind) {
    switch (kind) {
    case config::BootKind::linux:
        return manifest::BootKind::linux;
    case config::BootKind::pvh:
        return manifest::BootKind::pvh;
    case config::BootKind::multiboot:
        return manifest::BootKind::multiboot;
    case config::BootKind::elf64:
        break;
    }
    return manifest::BootKind::elf64;
}

// Every cause but the guest's own reset is counted.
bool counts_restarts(const config::OnFault& policy) {
    static_assert(manifest::kCauses == config::kCauses);
    return std::any_of(policy.by_cause.begin(), policy.by_cause.begin() + static_cast<int>(manifest::Cause::reset),
                       [](config::FaultAction action) { return action == config::FaultAction::restart; });
}

class Maker {
public:
    Maker(const config::Model& model, const KernelImage& kernel, std::vector<GuestImage> guests)
        : model_(model), kernel_(kernel), guests_(std::move(guests)) {}

    // Every part's offset under this plan.
    [[nodiscard]] BundleLayout lay_out(const Plan& plan) const {
        BundleLayout layout;
        std::uint64_t at = manifest_size(gather(plan, nullptr));
        const auto take = [&at](std::uint64_t size) {
            const std::uint64_t here = at;
            at += page_up(size);
            return here;
        };
        layout.tables = at;
        layout.iommu = iommu_sizes(plan, model_.board);
        layout.iommu_written = take(layout.iommu.written);
        layout.iommu_sealed = take(layout.iommu.sealed);
        layout.kernel_tables_size =
            count_tables(kernel_mappings_of(plan, layout), kernel_shape(model_.board)) * kPageSize;
        layout.kernel_tables = take(layout.kernel_tables_size);
        for (std::size_t p = 0; p < plan.partitions.size(); ++p) {
            PartitionLayout part;
            part.npt_size = count_tables(nested_mappings(plan.partitions[p]), shape_of(p)) * kPageSize;
            part.npt = take(part.npt_size);
            part.iopm = take(kIopmSize);
            part.msrpm = take(kMsrpmSize);
            part.vmcb_boot = take(kPageSize);
            part.vmcb_ap = take(kPageSize);
            layout.partitions.push_back(std::move(part));
        }
        layout.tables_end = at;
        for (std::size_t p = 0; p < guests_.size(); ++p) {
            for (const Piece& piece : guests_[p].pieces) {
                layout.partitions[p].payloads.push_back(take(piece.bytes().size()));
            }
        }
        layout.end = at;
        return layout;
    }

    [[nodiscard]] Bytes make(const Plan& plan) const {
        const BundleLayout layout = lay_out(plan);
        Bytes bytes(plan.bundle.size, 0);
        const ByteSpan all(bytes);
        write_kernel_tables(plan, layout, all);
        for (std::size_t p = 0; p < plan.partitions.size(); ++p) {
            write_partition(plan, layout, p, all);
        }
        ManifestParts parts = gather(plan, &layout);
        parts.header.tables_digest = sha256(all.subspan(layout.tables, layout.tables_end - layout.tables));
        write_manifest(parts, all.first(layout.tables));
        return bytes;
    }

private:
    [[nodiscard]] static IommuPlaces iommu_places(const Plan& plan, const BundleLayout& layout) {
        return {plan.bundle.base + layout.iommu_written, plan.bundle.base + layout.iommu_sealed};
    }
    [[nodiscard]] std::vector<Mapping> kernel_mappings_of(const Plan& plan, const BundleLayout& layout) const {
        return kernel_mappings(plan, kernel_, model_.board,
                               {plan.bundle.base + layout.iommu_written, layout.iommu.written});
    }
    [[nodiscard]] PageTableShape shape_of(std::size_t partition) const {
        return nested_shape(model_.partitions[partition], model_.board);
    }

    void write_kernel_tables(const Plan& plan, const BundleLayout& layout, ByteSpan all) const {
        write_tables(kernel_mappings_of(plan, layout), kernel_shape(model_.board),
                     plan.bundle.base + layout.kernel_tables,
                     all.subspan(layout.kernel_tables, layout.kernel_tables_size));
        write_iommu_tables(plan, model_.board, iommu_places(plan, layout),
                           all.subspan(layout.iommu_written, layout.iommu.written),
                           all.subspan(layout.iommu_sealed, layout.iommu.sealed));
    }

    void write_partition(const Plan& plan, const BundleLayout& layout, std::size_t p, ByteSpan all) const {
        const PartitionLayout& part = layout.partitions[p];
        const Hpa base = plan.bundle.base;
        write_tables(nested_mappings(plan.partitions[p]), shape_of(p), base + part.npt,
                     all.subspan(part.npt, part.npt_size));
        write_iopm(model_.partitions[p], all.subspan(part.iopm, kIopmSize));
        write_msrpm(model_.board.apic.value, all.subspan(part.msrpm, kMsrpmSize));
        VmcbControl control;
        control.asid = plan.partitions[p].asid;
        control.iopm = base + part.iopm;
        control.msrpm = base + part.msrpm;
        control.npt_root = base + part.npt;
        write_boot_vmcb(control, guests_[p].entry, all.subspan(part.vmcb_boot, kPageSize));
        write_ap_vmcb(control, all.subspan(part.vmcb_ap, kPageSize));
        for (std::size_t i = 0; i < guests_[p].pieces.size(); ++i) {
            store_bytes(all, part.payloads[i], guests_[p].pieces[i].bytes());
        }
    }

    // All records. Without a layout only their number is right, which is what sizing needs.
    [[nodiscard]] ManifestParts gather(const Plan& plan, const BundleLayout* layout) const {
        ManifestParts parts;
        gather_header(plan, layout, parts.header);
        for (const auto& cpu : plan.cpus) {
            parts.cpus.push_back({cpu.apic_id, cpu.partition, cpu.vcpu, cpu.block});
        }
        for (std::size_t p = 0; p < plan.partitions.size(); ++p) {
            parts.partitions.push_back(gather_partition(plan, layout, p, parts));
        }
        for (const auto& channel : plan.channels) {
            manifest::Channel record{};
            set_name(record.name, channel.name);
            record.memory = channel.memory;
            record.writer = channel.writer;
            record.reader = channel.reader;
            record.doorbell = channel.doorbell ? 1 : 0;
            record.vector = channel.vector;
            record.reader_cpu = channel.reader_cpu;
            parts.channels.push_back(record);
        }
        gather_devices(plan, model_.board,
                       layout != nullptr ? device_interrupt_tables(plan, model_.board, iommu_places(plan, *layout))
                                         : std::vector<Hpa>(plan.devices.size()),
                       parts);
        parts.facts = board_facts(plan, model_.board, any_huge_page(plan));
        for (const auto& each : planned_ranges(plan)) {
            parts.ram.push_back(each.range);
        }
        if (plan.bundle.size == 0) {
            parts.ram.emplace_back(); // the bundle itself, not placed yet
        }
        return parts;
    }

    void gather_header(const Plan& plan, const BundleLayout* layout, manifest::Header& header) const {
        header.kernel_digest = kernel_.digest;
        header.kernel_file_digest = kernel_.file_digest;
        header.kernel = plan.kernel;
        header.workspace = plan.workspace;
        header.trampoline = plan.trampoline;
        header.event_log = plan.event_log;
        header.crash_record = plan.crash_record;
        header.watchdog = watchdog_record(plan, model_);
        if (model_.board.ecam) {
            header.ecam = Hpa{model_.board.ecam->value};
        }
        header.apic =
            model_.board.apic.value == config::Apic::x2apic ? manifest::ApicMode::x2apic : manifest::ApicMode::xapic;
        set_name(header.name, plan.name);
        set_name(header.board, plan.board);
        if (layout != nullptr) {
            header.bundle_base = plan.bundle.base;
            header.bundle_size = plan.bundle.size;
            header.tables_offset = static_cast<std::uint32_t>(layout->tables);
            header.tables_size = static_cast<std::uint32_t>(layout->tables_end - layout->tables);
            header.kernel_page_tables = plan.bundle.base + layout->kernel_tables;
            header.iommu = iommu_record(plan, model_.board, iommu_places(plan, *layout));
        }
    }

    [[nodiscard]] manifest::Partition gather_partition(const Plan& plan, const BundleLayout* layout, std::size_t p,
                                                       ManifestParts& parts) const {
        const PlannedPartition& planned = plan.partitions[p];
        const config::Partition& declared = model_.partitions[p];
        const GuestImage& guest = guests_[p];
        manifest::Partition record{};
        set_name(record.name, planned.name);
        record.asid = planned.asid;
        record.first_cpu = planned.first_cpu;
        record.cpu_count = planned.cpu_count;
        record.boot = boot_kind(declared.boot.kind);
        for (std::size_t cause = 0; cause < manifest::kCauses; ++cause) {
            record.on[cause] = on_fault(declared.on_fault.by_cause[cause]);
        }
        record.console = declared.console ? 1 : 0;
        record.restart_limit = counts_restarts(declared.on_fault) ? declared.on_fault.attempts : 0;
        record.backoff_ms = record.restart_limit != 0 ? declared.on_fault.backoff_ms : 0;
        record.heartbeat_ms = declared.heartbeat_ms ? declared.heartbeat_ms->value : 0;
        record.event_log = declared.event_log ? 1 : 0;
        record.block = planned.block;
        record.entry_rdi = guest.rdi;
        record.entry_rsi = guest.rsi;
        record.entry_rbx = guest.rbx;
        record.regions = append(parts.regions, planned.regions);
        record.ports = append(parts.ports, port_rules(declared));
        record.msrs = append(parts.msrs, msr_rules());
        record.cpuid = append(parts.cpuid, cpuid_rules(plan, p, model_.board.apic.value));
        record.devices = device_slice(plan, p);

        std::vector<manifest::Payload> payloads(guest.pieces.size());
        if (layout != nullptr) {
            const PartitionLayout& part = layout->partitions[p];
            record.npt_root = plan.bundle.base + part.npt;
            record.iopm = plan.bundle.base + part.iopm;
            record.msrpm = plan.bundle.base + part.msrpm;
            record.vmcb_boot = plan.bundle.base + part.vmcb_boot;
            record.vmcb_ap = plan.bundle.base + part.vmcb_ap;
            std::vector<ByteView> loaded;
            for (std::size_t i = 0; i < payloads.size(); ++i) {
                const Piece& piece = guest.pieces[i];
                payloads[i].offset = static_cast<std::uint32_t>(part.payloads[i]);
                payloads[i].size = static_cast<std::uint32_t>(piece.bytes().size());
                payloads[i].gpa = piece.gpa;
                payloads[i].hpa = planned.ram.base + piece.gpa.value; // pieces lie in the RAM below 3 GiB
                loaded.push_back(piece.bytes());
            }
            record.payload_digest = sha256(loaded);
        }
        record.payloads = append(parts.payloads, payloads);
        return record;
    }

    [[nodiscard]] bool any_huge_page(const Plan& plan) const {
        if (uses_huge_pages(kernel_mappings(plan, kernel_, model_.board, {}), kernel_shape(model_.board))) {
            return true;
        }
        for (std::size_t p = 0; p < plan.partitions.size(); ++p) {
            if (uses_huge_pages(nested_mappings(plan.partitions[p]), shape_of(p))) {
                return true;
            }
        }
        return false;
    }

    const config::Model& model_;
    const KernelImage& kernel_;
    std::vector<GuestImage> guests_;
};

std::optional<NamedBytes> find_payload(const config::Spanned<std::string>& path,
                                       const std::vector<PayloadFile>& payloads) {
    for (const auto& payload : payloads) {
        if (payload.path == path.value) {
            return NamedBytes{payload.path, path.span, payload.bytes};
        }
    }
    return std::nullopt;
}

config::Outcome<GuestImage> flatten_one(const config::Partition& declared, const Plan& plan, std::size_t p,
                                        const NamedBytes& image, const NamedBytes* module) {
    switch (declared.boot.kind) {
    case config::BootKind::linux:
        return linux_image(plan, p, declared, image, module);
    case config::BootKind::pvh:
        return pvh_image(plan, p, declared, image, module);
    case config::BootKind::multiboot:
        return multiboot_image(plan, p, declared, image, module);
    case config::BootKind::elf64:
        break;
    }
    return native_image(plan, p, image);
}

// Flattens every partition's payload. A missing one is an error, or, when `lenient`, an empty image.
std::vector<GuestImage> flatten(const config::Model& model, const Plan& plan, const std::vector<PayloadFile>& payloads,
                                bool lenient, std::vector<config::Diagnostic>& diagnostics) {
    std::vector<GuestImage> guests;
    for (std::size_t p = 0; p < model.partitions.size(); ++p) {
        const auto& boot = model.partitions[p].boot;
        const auto image = find_payload(boot.image, payloads);
        const auto initrd = boot.initrd ? find_payload(*boot.initrd, payloads) : std::nullopt;
        bool missing = false;
        for (const auto* path : {image ? nullptr : &boot.image, boot.initrd && !initrd ? &*boot.initrd : nullptr}) {
            if (path != nullptr) {
                missing = true;
                if (!lenient) {
                    config::Diagnostic d;
                    d.id = "payload.missing";
                    d.message = "`" + path->value + "` was not read";
                    d.primary = path->span;
                    diagnostics.push_back(std::move(d));
                }
            }
        }
        if (missing) {
            guests.emplace_back();
            continue;
        }
        auto guest = flatten_one(model.partitions[p], plan, p, *image, initrd ? &*initrd : nullptr);
        diagnostics.insert(diagnostics.end(), guest.diagnostics.begin(), guest.diagnostics.end());
        guests.push_back(guest.ok() ? std::move(*guest.value) : GuestImage{});
    }
    return guests;
}

struct Prepared {
    Plan plan;
    KernelImage kernel;
    std::vector<GuestImage> guests;
};

// Everything but the bytes. False when there are errors.
bool prepare(const config::Model& model, std::span<const std::uint8_t> kernel, const std::vector<PayloadFile>& payloads,
             bool lenient, Prepared& out, std::vector<config::Diagnostic>& diagnostics) {
    if (kernel.empty() && lenient) {
        out.kernel.range = {Hpa{layout::kKernelBase}, layout::kKernelLimit - layout::kKernelBase};
    } else {
        auto read = read_kernel(kernel);
        diagnostics.insert(diagnostics.end(), read.diagnostics.begin(), read.diagnostics.end());
        if (!read.ok()) {
            return false;
        }
        out.kernel = std::move(*read.value);
    }
    auto placed = place(model, out.kernel.range);
    diagnostics.insert(diagnostics.end(), placed.diagnostics.begin(), placed.diagnostics.end());
    if (!placed.ok()) {
        return false;
    }
    out.plan = std::move(*placed.value);
    out.guests = flatten(model, out.plan, payloads, lenient, diagnostics);
    return diagnostics.empty();
}

bool place_whole(const config::Model& model, const Maker& maker, Plan& plan,
                 std::vector<config::Diagnostic>& diagnostics) {
    const auto size_of = [&maker](const Plan& proposed) { return maker.lay_out(proposed).end; };
    if (const std::uint64_t size = size_of(plan); size > kBundleLimit) {
        config::Diagnostic d;
        d.id = "plan.bundle";
        d.message = "tables and payloads take " + format_about(size) + " together, expected less than 4 GiB";
        d.primary = model.name.span;
        d.help = "make the payloads smaller, or let partitions with much memory have larger pages (`largest-page`)";
        diagnostics.push_back(std::move(d));
        return false;
    }
    return place_bundle(plan, model, size_of, diagnostics);
}

} // namespace

config::Outcome<Plan> make_plan(const config::Model& model, std::span<const std::uint8_t> kernel,
                                const std::vector<PayloadFile>& payloads) {
    config::Outcome<Plan> outcome;
    Prepared prepared;
    if (!prepare(model, kernel, payloads, true, prepared, outcome.diagnostics)) {
        return outcome;
    }
    const Maker maker(model, prepared.kernel, std::move(prepared.guests));
    if (place_whole(model, maker, prepared.plan, outcome.diagnostics)) {
        outcome.value = std::move(prepared.plan);
    }
    return outcome;
}

config::Outcome<Bundle> make_bundle(const config::Model& model, std::span<const std::uint8_t> kernel,
                                    const std::vector<PayloadFile>& payloads) {
    config::Outcome<Bundle> outcome;
    Prepared prepared;
    if (!prepare(model, kernel, payloads, false, prepared, outcome.diagnostics)) {
        return outcome;
    }
    const Maker maker(model, prepared.kernel, std::move(prepared.guests));
    if (!place_whole(model, maker, prepared.plan, outcome.diagnostics)) {
        return outcome;
    }
    Bundle bundle;
    bundle.bytes = maker.make(prepared.plan);
    bundle.lock = lock_text(prepared.plan);
    bundle.plan = std::move(prepared.plan);
    outcome.value = std::move(bundle);
    return outcome;
}

} // namespace septum::build
