// SPDX-License-Identifier: Apache-2.0
// Reads what an image grants, for itself: boot path, manifest (whose structures are the only thing shared with the rest
// of Septum), then the hardware's tables.
#include "recheck/claims.hpp"
#include "recheck/iso.hpp"
#include "recheck/tables.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <sstream>
#include <tuple>

namespace septum::recheck {

namespace {

using manifest::Header;

constexpr std::uint64_t kLocalApic = 0xFEE0'0000; // APM 2 §16.3.1

template <typename Record>
std::vector<Record> records(Bytes manifest_bytes, const manifest::Table& table) {
    std::vector<Record> out;
    if (table.count > manifest_bytes.size() / sizeof(Record))
        throw Unreadable("a table of the manifest is longer than the manifest");
    for (std::uint64_t i = 0; i < table.count; ++i)
        out.push_back(read_at<Record>(manifest_bytes, table.offset + i * sizeof(Record)));
    return out;
}

std::string text(const char (&name)[manifest::kNameSize]) {
    return {name, strnlen(name, sizeof name)};
}

void expect_digest(const manifest::Digest& claimed, Bytes bytes, const std::string& what) {
    const std::string expected = digits(claimed.bytes);
    if (const std::string found = sha256(bytes); found != expected)
        throw Differs("the manifest says that " + what + " has SHA-256 " + expected + ", but its bytes give " + found);
}

// The one word behind `command` in grub.cfg; GRUB takes words apart by blanks.
std::string loaded_by(Bytes config, const std::string& command) {
    std::istringstream lines(std::string(reinterpret_cast<const char*>(config.data()), config.size()));
    std::string found;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string verb;
        std::string path;
        if (words >> verb && verb == command) {
            if (!(words >> path) || path[0] != '/' || !found.empty())
                throw Unreadable("grub.cfg has to load one file with `" + command + "`");
            found = path;
        }
    }
    if (found.empty())
        throw Unreadable("grub.cfg loads nothing with `" + command + "`");
    return found;
}

// ELF-64 program headers (System V ABI, chapter 5): what is loaded and not writable, in file order.
std::vector<std::uint8_t> measured_part(Bytes kernel) {
    constexpr std::uint32_t kLoad = 1;
    constexpr std::uint32_t kWrite = 2;
    if (kernel.size() < 64 || read_at<std::uint32_t>(kernel, 0) != 0x464C'457F) // 7F "ELF"
        throw Unreadable("the kernel in the image is no ELF");
    const auto headers = read_at<std::uint64_t>(kernel, 32);
    const auto size = read_at<std::uint16_t>(kernel, 54);
    const auto count = read_at<std::uint16_t>(kernel, 56);
    std::vector<std::uint8_t> out;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t at = headers + i * size;
        if (read_at<std::uint32_t>(kernel, at) == kLoad && (read_at<std::uint32_t>(kernel, at + 4) & kWrite) == 0) {
            const auto first = read_at<std::uint64_t>(kernel, at + 8);
            const Bytes loaded = part(kernel, first, read_at<std::uint64_t>(kernel, at + 32));
            if (loaded.size() > kernel.size() - out.size())
                throw Unreadable("the kernel in the image loads more than it holds");
            out.insert(out.end(), loaded.begin(), loaded.end());
        }
    }
    return out;
}

struct Bundle {
    Bytes bytes;
    Header header;
    Bytes manifest;
    Host host;
};

Bundle open(Bytes bytes) {
    Bundle out{bytes, read_at<Header>(bytes, 0), {}, {}};
    const Header& h = out.header;
    if (h.magic != manifest::kMagic)
        throw Unreadable("the bundle in the image has no manifest");
    if (h.version != manifest::kVersion) {
        throw Unreadable("the manifest has version " + std::to_string(h.version) + ", this program reads version " +
                         std::to_string(manifest::kVersion));
    }
    if (h.bundle_size != bytes.size() || h.manifest_size < sizeof(Header) || h.manifest_size > bytes.size() ||
        h.tables_offset > bytes.size() || h.tables_size > bytes.size() - h.tables_offset ||
        h.bundle_base.value > (1ULL << 52) || h.partitions.count > manifest::kMaxPartitions) {
        throw Unreadable("the parts of the bundle do not fit into it");
    }
    out.manifest = bytes.first(h.manifest_size);
    out.host = {h.bundle_base.value, bytes, h.bundle_base.value + h.tables_offset, h.tables_size, {}};
    return out;
}

void check_digests(const Bundle& bundle, Bytes kernel) {
    const Header& h = bundle.header;
    std::vector<std::uint8_t> copy(bundle.manifest.begin(), bundle.manifest.end());
    std::fill_n(copy.begin() + offsetof(Header, manifest_digest), sizeof h.manifest_digest, std::uint8_t{0});
    expect_digest(h.manifest_digest, copy, "the manifest");
    expect_digest(h.tables_digest, bundle.bytes.subspan(h.tables_offset, h.tables_size), "the sealed tables");
    expect_digest(h.kernel_file_digest, kernel, "the kernel's file");
    expect_digest(h.kernel_digest, measured_part(kernel), "the loaded kernel");
}

void check_payloads(const Bundle& bundle, const manifest::Partition& record) {
    const auto payloads = records<manifest::Payload>(bundle.manifest, bundle.header.payloads);
    std::vector<std::uint8_t> all;
    for (std::uint64_t i = record.payloads.first; i < std::uint64_t{record.payloads.first} + record.payloads.count;
         ++i) {
        if (i >= payloads.size())
            throw Differs("a payload of `" + text(record.name) + "` is not in the manifest");
        const Bytes segment = part(bundle.bytes, payloads[i].offset, payloads[i].size);
        if (segment.size() > bundle.bytes.size() - all.size())
            throw Differs("the payloads of `" + text(record.name) + "` are too large");
        all.insert(all.end(), segment.begin(), segment.end());
    }
    expect_digest(record.payload_digest, all, "the payload of `" + text(record.name) + "`");
}

void read_partitions(Bundle& bundle, Claims& out) {
    const auto cpus = records<manifest::Cpu>(bundle.manifest, bundle.header.cpus);
    for (const manifest::Partition& record : records<manifest::Partition>(bundle.manifest, bundle.header.partitions)) {
        const std::string name = text(record.name);
        Partition partition{name, record.asid, {}, {}, {}, {}, {}};
        for (std::uint64_t i = record.first_cpu; i < std::uint64_t{record.first_cpu} + record.cpu_count; ++i) {
            if (i >= cpus.size() || cpus[i].partition != out.partitions.size())
                throw Differs("a CPU of `" + name + "` is not its own in the manifest");
            partition.apic_ids.push_back(cpus[i].apic_id);
        }
        check_template(bundle.host, record.vmcb_boot.value, record, name);
        check_template(bundle.host, record.vmcb_ap.value, record, name);
        partition.memory =
            reach(bundle.host, Format::nested, record.npt_root.value, 4, 7, "the nested tables of `" + name + "`");
        read_maps(bundle.host, record, partition);
        check_payloads(bundle, record);
        out.partitions.push_back(std::move(partition));
    }
}

std::string partition_name(const Claims& claims, std::uint16_t index) {
    return index < claims.partitions.size() ? claims.partitions[index].name : "nobody";
}

// Who owns what, and which entries of interrupt tables the kernel may write for it.
void read_owners(const Bundle& bundle, Image& out) {
    const Header& h = bundle.header;
    const std::uint64_t table = h.iommu.interrupt_table.value; // VT-d: the one of all
    for (const manifest::Device& device : records<manifest::Device>(bundle.manifest, h.devices)) {
        const std::uint64_t end = std::uint64_t{device.first_handle} + device.handles;
        if (device.bdf == manifest::kNobody)
            continue;
        if (device.partition >= out.claims.partitions.size() || end > manifest::kMaxInterruptHandles)
            throw Differs("the device `" + text(device.name) + "` has no owner, or interrupts that no table has");
        const Partition& owner = out.claims.partitions[device.partition];
        Interrupts own{table, {1, 0}, device.bdf, owner.name, owner.apic_ids, {32, 0xFF}, "fixed", false};
        if (h.iommu.kind == manifest::IommuKind::amd_vi)
            own.table = device.interrupt_table.value;
        if (device.handles != 0)
            own.entries = {device.first_handle, static_cast<std::uint32_t>(end - 1)};
        out.devices.push_back({device.domain, own, 0});
    }
    if (const manifest::Watchdog& w = h.watchdog; w.kind != manifest::WatchdogKind::none && w.handle != ~0U) {
        constexpr std::uint32_t kNoDomain = 0x1'0000;
        out.devices.push_back(
            {kNoDomain,
             {table, {w.handle, w.handle}, w.requester, "the kernel", {w.apic_id}, {0, 0xFF}, "nmi", true},
             0});
    }
}

void read_devices(Bundle& bundle, Image& out) {
    static constexpr const char* kUnits[] = {"none", "vt-d", "amd-vi"};
    const manifest::Iommu& unit = bundle.header.iommu;
    if (unit.kind > manifest::IommuKind::amd_vi)
        throw Unreadable("the manifest names an IOMMU of an unknown kind");
    out.claims.unit = kUnits[static_cast<std::size_t>(unit.kind)];
    read_owners(bundle, out);
    if (unit.kind == manifest::IommuKind::vt_d)
        read_vtd(bundle.host, unit, out);
    if (unit.kind == manifest::IommuKind::amd_vi)
        read_amd(bundle.host, unit, out);
    for (const Owned& device : out.devices) {
        const Interrupts& own = device.interrupts;
        if (device.met != own.entries.last - own.entries.first + 1) {
            throw Differs("requester " + hex(own.requester) + " of `" + own.owner + "` has " +
                          std::to_string(device.met) + " of its entries " + hex(own.entries.first) + ".." +
                          hex(own.entries.last) + " in the interrupt table at " + hex(own.table));
        }
        if (device.met != 0)
            out.claims.interrupts.push_back(own);
    }
}

// What only the kernel may reach.
void read_private(const Bundle& bundle, Claims& out) {
    const Header& h = bundle.header;
    const std::uint64_t base = h.bundle_base.value;
    const std::uint64_t rest = std::uint64_t{h.tables_offset} + h.tables_size;
    out.kernel = {
        {"the kernel's image", h.kernel.base.value, h.kernel.size},
        {"the kernel's workspace", h.workspace.base.value, h.workspace.size},
        {"the manifest", base, h.manifest_size},
        {"the sealed tables", base + h.tables_offset, h.tables_size},
        {"the pristine payload copies", base + rest, bundle.bytes.size() - rest},
        {"the page in which processors wake up", h.trampoline.value, kPage},
        {"the local APIC's page", kLocalApic, kPage},
    };
    if (h.iommu.kind != manifest::IommuKind::none) {
        // VT-d §11.4: one page is used; AMD IOMMU §3.4: 16 KiB.
        const bool amd = h.iommu.kind == manifest::IommuKind::amd_vi;
        out.kernel.push_back({"the IOMMU's registers", h.iommu.registers.value, amd ? 4 * kPage : kPage});
    }
    if (h.crash_record.value != 0)
        out.kernel.push_back({"the crash record", h.crash_record.value, kPage});
    if (h.event_log.size != 0)
        out.kernel.push_back({kEventLog, h.event_log.base.value, h.event_log.size});
    if (h.watchdog.kind != manifest::WatchdogKind::none)
        out.kernel.push_back({"the watchdog's registers", h.watchdog.registers.value, kPage});
    if (h.ecam.value != 0)
        out.kernel.push_back({"configuration space", h.ecam.value, 256ULL << 20});
    std::sort(out.kernel.begin(), out.kernel.end(),
              [](const Private& a, const Private& b) { return std::tie(a.base, a.name) < std::tie(b.base, b.name); });
}

} // namespace

Image read_image(Bytes file, Bytes kernel, Bytes bundle_bytes) {
    Image out;
    if (kernel.empty()) {
        const Bytes config = iso_file(file, "/boot/grub/grub.cfg");
        kernel = iso_file(file, loaded_by(config, "multiboot2"));
        bundle_bytes = iso_file(file, loaded_by(config, "module2"));
    } else {
        for (const Bytes taken : {kernel, bundle_bytes})
            if (memmem(file.data(), file.size(), taken.data(), taken.size()) == nullptr) // linear, whatever the bytes
                throw Unreadable("the image does not hold kernel and bundle, in one piece each");
    }
    Bundle bundle = open(bundle_bytes);
    out.claims.appliance = text(bundle.header.name);
    out.claims.board = text(bundle.header.board);
    out.claims.image_digest = sha256(file);
    out.claims.image_size = file.size();
    out.claims.kernel_digest = sha256(kernel);
    out.claims.bundle_digest = sha256(bundle_bytes);
    check_digests(bundle, kernel);
    read_partitions(bundle, out.claims);
    for (const manifest::Channel& channel : records<manifest::Channel>(bundle.manifest, bundle.header.channels)) {
        out.claims.channels.push_back({text(channel.name), partition_name(out.claims, channel.writer),
                                       partition_name(out.claims, channel.reader), channel.memory.base.value,
                                       channel.memory.size, channel.doorbell != 0});
    }
    read_devices(bundle, out);
    read_private(bundle, out.claims);
    return out;
}

} // namespace septum::recheck
