// SPDX-License-Identifier: Apache-2.0
// The manifest: the sealed description that the kernel boots from. It is the only format that Septum itself
// defines, and so the only one declared once for the kernel, the encoder and the decoder.
//
// The bundle (one Multiboot2 module, `appliance.sep`) is, in this order and each part in whole 4 KiB pages:
//   manifest | tables | payload segments
// The kernel copies the bundle, whole, to `bundle_base`; from then on the tables are used where they lie and the
// payloads are the pristine copies a partition is (re)loaded from. All integers are little-endian. Every
// `offset` is in bytes from the start of the bundle. Bytes not described by a record are zero.
#pragma once

#include <septum/types.hpp>

namespace septum::manifest {

inline constexpr u64 kMagic = 0x31'4d'55'54'50'45'53'7fULL; // 7F "SEPTUM1"
inline constexpr u32 kVersion = 2;                             // any change of layout or meaning counts it up

inline constexpr u32 kMaxCpus = 64;
inline constexpr u32 kMaxPartitions = 64;
inline constexpr u32 kMaxCpusPerPartition = 64;
inline constexpr u32 kMaxCpuidRules = 96; // per partition
inline constexpr u32 kMaxPortRules = 32;  // per partition
inline constexpr u32 kMaxMsrRules = 64;   // per partition
inline constexpr u32 kMaxChannels = 255;   // a doorbell names its channel in one byte; 0xFF means none
inline constexpr u32 kMaxDevices = 256;    // PCI functions, those of nobody included
inline constexpr u32 kMaxPciRegisters = 64; // per device: one for each doubleword of configuration space
inline constexpr u32 kMaxBars = 6;         // per device
inline constexpr u32 kMaxBridges = 64;
inline constexpr u32 kMaxMsixEntries = 128; // per device, as its owner sees it; the rest of a larger table stays masked
inline constexpr u32 kMaxInterruptHandles = 65536;
inline constexpr u32 kNameSize = 32;      // bytes, zero-terminated

struct Digest {
    u8 bytes[32]; // SHA-256 (FIPS 180-4)
    friend constexpr bool operator==(const Digest&, const Digest&) = default;
};
static_assert(sizeof(Digest) == 32);

// `count` records, one behind the other, at `offset` bytes from the start of the bundle (8-byte aligned).
struct Table {
    u32 offset;
    u32 count;
};
static_assert(sizeof(Table) == 8);

// Records [first, first + count) of one of the header's tables.
struct Slice {
    u32 first;
    u32 count;
};
static_assert(sizeof(Slice) == 8);

// Host-physical range, whole pages.
struct Range {
    Hpa base;
    u64 size; // bytes
};
static_assert(sizeof(Range) == 16);

enum class ApicMode : u8 { x2apic = 1, xapic = 2 }; // how the physical local APIC is driven; guests see x2APIC
enum class IommuKind : u8 { none = 0, vt_d = 1, amd_vi = 2 };
enum class OnFault : u8 { stop = 1, restart = 2, halt_system = 3 };
enum class BootKind : u8 { elf64 = 1, linux = 2, pvh = 3, multiboot = 4 };

// Why a life of a partition ended: each has its own answer (OnFault) in Partition::on.
enum class Cause : u8 {
    triple_fault = 0,
    forbidden = 1,    // memory, port, MSR, interrupt or instruction that is not the partition's
    unanswerable = 2, // an exit with no answer, a state the processor refuses, an endless exception
    watchdog = 3,     // the promised heartbeat did not come
    shutdown = 4,     // the guest powered itself off
    reset = 5,        // the guest restarted itself; not counted against restart_limit
    count = 6,
};
inline constexpr u32 kCauses = static_cast<u32>(Cause::count);

enum class RegionKind : u8 { ram = 1, channel_send = 2, channel_receive = 3, device = 4, event_log = 5 };
inline constexpr u8 kRead = 1;
inline constexpr u8 kWrite = 2;
inline constexpr u8 kExecute = 4;
enum class MemoryType : u8 { uncacheable = 0, write_back = 6 }; // the architecture's PAT encodings (APM 2 §7.8.1)

// One grant: guest-physical [gpa, gpa + size) reaches host-physical [hpa, hpa + size). The nested page tables
// grant exactly the regions of their partition.
struct Region {
    Gpa gpa;
    Hpa hpa;
    u64 size; // bytes, whole pages
    RegionKind kind;
    u8 access; // kRead | kWrite | kExecute
    MemoryType type;
    u8 reserved0;
    u32 object; // index into `channels` for channel regions, into `bars` for device regions, else ~0u
};
static_assert(sizeof(Region) == 32);

// A piece of a partition's initial memory, copied at every launch after the RAM was scrubbed to zero.
struct Payload {
    u32 offset;  // in the bundle, page aligned
    u32 size;    // bytes; not necessarily whole pages (the rest of the bundle's last page is zero)
    Gpa gpa;     // where the partition sees it
    Hpa hpa;     // the same place, host-physical; inside the partition's RAM
};
static_assert(sizeof(Payload) == 24);

// A one-way shared-memory channel.
struct Channel {
    char name[kNameSize];
    Range memory;
    u16 writer; // partition index
    u16 reader; // partition index
    u8 doorbell;        // 1: the writer may ring
    u8 vector;          // ≥ 32: ringing interrupts `reader_cpu` with it; 0: ringing only sets the pending bit
    u16 reader_cpu;     // index into `cpus`: the reader's first CPU
};
static_assert(sizeof(Channel) == 56);

// What the kernel answers when a port access exits. Sorted by `first`, disjoint. Ports the I/O permission map
// grants never exit; ports in no rule are absent: reads give all ones, writes are dropped.
enum class PortAnswer : u8 {
    constant = 1,  // reads give `value` in every byte, writes are dropped
    forbidden = 2, // a fault, by the partition's policy
    uart = 3,      // the virtual 16550 (eight ports)
    doorbell = 4,  // septum/guest/board.hpp: kDoorbellPort
    sleep = 5,     // ACPI sleep control: 0x34 stops the partition
    reset = 6,     // any write restarts the partition
    pci_address = 7, // 0xCF8..0xCFB: the partition's own latch; only doubleword accesses count (PCI 3.0 §3.2.2.3.2)
    pci_data = 8,    // 0xCFC..0xCFF: configuration space of the partition's own devices
    pit = 9,         // 0x40..0x43: a virtual 8254 without interrupt
    pit_gate = 10,   // 0x61: gate and output of its channel 2
};
struct PortRule {
    u16 first;
    u16 last; // inclusive
    PortAnswer answer;
    u8 value; // for `constant`
    u16 reserved0;
};
static_assert(sizeof(PortRule) == 8);

// What the kernel answers when an RDMSR or WRMSR exits. Sorted by `first`, disjoint. MSRs the MSR permission
// map grants never exit; an MSR in no rule takes #GP(0), as absent ones do on hardware.
enum class MsrAnswer : u8 {
    fault_gp = 0,  // #GP(0) in the guest: not there
    forbidden = 1, // a fault, by the partition's policy
    constant = 2,  // read: `value`
    ignore = 3,    // write: dropped
    efer = 4,      // virtual EFER: SVME hidden, only `value` bits writable
    apic_base = 5, // virtual IA32_APIC_BASE: x2APIC on, BSP on the first CPU; writes that change it take #GP
    x2apic = 6,    // x2APIC register 0x800..0x8FF, filtered by the kernel
};
struct MsrRule {
    u32 first;
    u32 last; // inclusive
    MsrAnswer on_read;
    MsrAnswer on_write;
    u16 reserved0;
    u32 reserved1;
    u64 value;
};
static_assert(sizeof(MsrRule) == 24);

// One CPUID answer: (hardware & mask) | set, per register, then patched. Sorted by (leaf, subleaf). A leaf in no
// rule answers zeros. Leaves lie in 0x0..0x1F, 0x40000000..0x4000001F and 0x80000000..0x8000001F.
inline constexpr u32 kCpuidAnySubleaf = ~0u; // the rule answers every ECX; then it is the leaf's only rule
enum CpuidPatch : u32 {
    kPatchApicIdEbx = 1u << 0, // EBX[31:24] := APIC id (leaf 1)
    kPatchApicIdEdx = 1u << 1, // EDX := x2APIC id (leaf 0xB)
    kPatchOsxsave = 1u << 2,   // ECX[27] := guest CR4.OSXSAVE (leaf 1)
    kPatchApicIdEax = 1u << 3, // EAX := APIC id (leaf 0x8000001E)
};
struct CpuidRule {
    u32 leaf;
    u32 subleaf; // exact, or kCpuidAnySubleaf
    u32 mask[4]; // EAX, EBX, ECX, EDX
    u32 set[4];
    u32 patch; // CpuidPatch bits
    u32 reserved0;
};
static_assert(sizeof(CpuidRule) == 48);

// A hardware fact the proof uses; checked on the machine before launch, on every CPU where it is a CPU's.
enum class FactKind : u16 {
    cpuid_bits = 1,     // a: leaf, b: subleaf, index: register 0..3; (value & mask) == expected
    msr_bits = 2,       // a: MSR; (value & mask) == expected
    msr_at_least = 3,   // a: MSR; (value & mask) >= expected (microcode floor)
    pci_function = 4,   // a: bus << 8 | device << 3 | function; expected: device id << 16 | vendor id
    cpuid_at_least = 5, // a: leaf, b: subleaf, index: register; (value & mask) >= expected
    pci_bits = 6,       // a: bdf, b: offset in configuration space, doubleword aligned; (value & mask) == expected
};
struct Fact {
    FactKind kind;
    u16 index;
    u32 a;
    u32 b;
    u32 reserved0;
    u64 mask;
    u64 expected;
    char name[kNameSize]; // said when the fact does not hold
};
static_assert(sizeof(Fact) == 64);

struct Iommu {
    IommuKind kind;
    u8 levels;           // of the DMA page tables: 3 (39 bits, VT-d only) or 4 (48 bits)
    u16 bdf;             // AMD-Vi: the unit's own PCI function (AMD IOMMU §3.1); VT-d: kNobody
    u32 fault_apic_id;   // the CPU that fault reports reach as NMI
    Hpa registers;       // MMIO: VT-d one page, AMD-Vi 16 KiB
    u64 version;         // VT-d VER_REG (§11.4.1): expected exactly; AMD-Vi: 0
    u64 capability;      // VT-d CAP_REG, AMD-Vi extended features (MMIO 0x30): bits as under `capability_mask`
    u64 capability_mask;
    u64 extended;        // VT-d ECAP_REG, the same; AMD-Vi: 0
    u64 extended_mask;
    Hpa root_table;      // VT-d root table (§9.1); AMD-Vi device table, 2 MiB: 65,536 entries (§2.2.2). In the sealed tables
    Hpa interrupt_table; // VT-d interrupt remapping table (§9.9); AMD-Vi: 0, each device has its own
    u64 interrupt_table_entries; // VT-d: power of two; AMD-Vi: 0
    Hpa queue;           // workspace, one page: invalidation queue (VT-d §6.5.2), command buffer (AMD IOMMU §2.4)
    Hpa log;             // workspace, two pages: AMD-Vi event log (§2.5), then the page that completion is written to
};
static_assert(sizeof(Iommu) == 96);

// A PCI function that a partition owns, or one that exists only virtually (bdf == kNobody: the partition's host bridge).
// Functions of the board that no partition owns have no record: they are blocked, and nobody sees them.
enum class ResetKind : u8 {
    none = 0,
    flr = 1,      // PCI Express capability: Initiate Function Level Reset (PCIe 6.0 §7.5.3.4)
    af_flr = 2,   // Advanced Features capability (PCI AF ECN)
    power = 3,    // D3hot and back, where the function says that this resets it (PCI PM 1.2 §3.2.4)
    bus = 4,      // secondary bus reset of the bridge above, all of whose functions the partition owns
};
struct Device {
    char name[kNameSize];
    u16 bdf;          // bus << 8 | device << 3 | function, or kNobody
    u16 virtual_bdf;  // as its owner sees it
    u16 partition;    // owner
    u16 domain;       // IOMMU domain id, ≥ 1: one per partition that owns devices; 0 for a virtual function
    ResetKind reset;
    u8 reset_at;      // offset of the capability used; 0 for none and bus
    u16 bridge;       // bus reset: the bridge's bdf, else kNobody
    u8 msi_at;        // offset of the MSI capability (PCI 3.0 §6.8.1), 0: none
    u8 msix_at;       // offset of the MSI-X capability (§6.8.2), 0: none
    u8 msi_flags;     // kMsi64, kMsiMaskable
    u8 reserved0;
    u32 first_handle; // VT-d: index of its first entry in the interrupt table; AMD-Vi: 0
    u32 handles;      // its entries: MSI-X table entries as its owner sees them, or MSI vectors (a power of two)
    u32 msix_bar;     // index into `bars` of the BAR that holds the MSI-X table; ~0u: none
    u32 msix_offset;  // of the table in that BAR, bytes
    Hpa interrupt_table; // AMD-Vi: its own table (AMD IOMMU §2.2.5), in the sealed tables; VT-d: 0
    Hpa block;        // DeviceBlock, in the workspace: those of a partition lie one behind the other; 0 for a virtual function
    Slice registers;  // sorted by offset
    Slice bars;       // by number
    u32 msix_entries; // the hardware's own, 1 .. 2048 (§6.8.2.3), at least `handles`: those beyond stay masked; 0: no MSI-X
    u32 reserved1;
};
static_assert(sizeof(Device) == 104);
inline constexpr u8 kMsi64 = 1;
inline constexpr u8 kMsiMaskable = 2;

// A memory BAR. The boot part programs it to `memory`; its owner sees it at `gpa`, wherever it writes the register.
struct Bar {
    u16 device;    // index into `devices`
    u8 number;     // 0 .. 5: the register at 0x10 + 4 × number
    u8 flags;      // kBar64, kBarPrefetchable
    u32 reserved0;
    Gpa gpa;
    Range memory;  // host-physical; size is a power of two, at least 4 KiB here
};
static_assert(sizeof(Bar) == 32);
inline constexpr u8 kBar64 = 1;
inline constexpr u8 kBarPrefetchable = 2;

// What its owner finds in one doubleword of a function's configuration space. A doubleword in no rule reads zeros, and writes
// to it are dropped. Accesses of one and two bytes use the bytes of the doubleword that they cover, and reach the
// hardware in that width.
enum class PciAnswer : u8 {
    constant = 0,    // reads `set`; writes are dropped
    hardware = 1,    // reads (hardware & read_mask) | set; writes change the bits of `write_mask`, and write ones to those of
                     // `one_clears` (status bits) that the guest writes as ones, zeros to the others of them
    bar_low = 2,     // virtual BAR register `bar` (index into the device's slice): sizing works, moving changes nothing
    bar_high = 3,    // its upper half
    msi_control = 4, // MSI capability: id, next and message control; enable and multiple-message-enable are virtual and real
    msi_address = 5, // virtual; the kernel programs the remapped message
    msi_address_high = 6,
    msi_data = 7,
    msix_control = 8, // like hardware, and tells the kernel of enable and function mask
};
struct PciRegister {
    u8 offset; // doubleword aligned
    PciAnswer answer;
    u8 bar;
    u8 reserved0;
    u32 read_mask;
    u32 set;
    u32 write_mask;
    u32 one_clears;
};
static_assert(sizeof(PciRegister) == 20);

// A PCI-to-PCI bridge that the boot part programs before any device is let loose (PCI-to-PCI bridge 1.2 §3.2.5).
struct Bridge {
    u16 bdf;
    u8 primary;
    u8 secondary;
    u8 subordinate;
    u8 acs;       // 1: has Access Control Services at `acs_at`, which the boot part turns on by ECAM (PCIe 6.0 §7.7.11)
    u16 acs_at;   // offset in extended configuration space
    Range window;      // non-prefetchable; size 0: closed
    Range prefetchable; // size 0: closed
};
static_assert(sizeof(Bridge) == 40);

// The kernel's own periodic event, as NMI to one CPU: it looks for missing heartbeats.
enum class WatchdogKind : u8 { none = 0, hpet = 1 };
struct Watchdog {
    WatchdogKind kind;
    u8 comparator;  // HPET timer number with FSB delivery (HPET 1.0a §2.3.8)
    u16 requester;  // requester id that its messages carry
    u32 apic_id;    // the CPU that takes the NMI
    Hpa registers;  // HPET, one page
    u32 period_us;
    u32 handle;     // interrupt table entry for its message; ~0u: the unit does not see it
};
static_assert(sizeof(Watchdog) == 24);

// Every CPU of the board, by partition and vCPU; those that no partition owns come last and sleep in the kernel.
inline constexpr u16 kNobody = 0xFFFF;
struct Cpu {
    u32 apic_id;
    u16 partition; // index, or kNobody
    u16 vcpu;      // number inside the partition; 0 is its boot CPU; 0 for kNobody
    Hpa block;     // septum/manifest/layout.hpp: CpuBlock, in the workspace
};
static_assert(sizeof(Cpu) == 16);

struct Partition {
    char name[kNameSize];
    u32 asid;      // ≥ 1, unique (APM 2 §15.16)
    u16 first_cpu; // its CPUs are [first_cpu, first_cpu + cpu_count) of `cpus`
    u16 cpu_count;
    BootKind boot;
    u8 console;   // 1: has a virtual 16550
    u8 event_log; // 1: reads the event log
    u8 reserved0;
    u32 restart_limit; // counted restarts before it is stopped for good; 0 when no cause restarts it
    OnFault on[kCauses]; // by Cause
    u16 reserved1;
    u32 heartbeat_ms; // longest time between two heartbeats; 0: none promised
    u32 backoff_ms;   // pause before the first counted restart; doubles with each, up to 64 times; 0: at once
    Hpa npt_root;  // nested page tables (APM 2 §15.25), in the sealed tables
    Hpa iopm;      // I/O permission map, 12 KiB (§15.10.1)
    Hpa msrpm;     // MSR permission map, 8 KiB (§15.11)
    Hpa vmcb_boot; // VMCB template of the boot CPU at launch (§15.5, appendix B), one page
    Hpa vmcb_ap;   // VMCB template of the other CPUs: state after INIT; the kernel sets CS from the SIPI vector
    Hpa block;     // PartitionBlock, in the workspace
    u64 entry_rdi; // the boot CPU's registers at launch; the launch count (0 the first time) goes into RDX
    u64 entry_rsi;
    u64 entry_rbx; // what PVH and Multiboot point to their information with; RAX is in the VMCB template
    Slice regions;
    Slice payloads;
    Slice ports;
    Slice msrs;
    Slice cpuid;
    Slice devices; // sorted by virtual_bdf; when there is any, the first is the virtual host bridge 00:00.0
    Digest payload_digest; // SHA-256 over the payload segments in order, `size` bytes each, as loaded
};
static_assert(sizeof(Partition) == 216);

struct Header {
    u64 magic;
    u32 version;
    u32 manifest_size;      // bytes, whole pages, this header included
    Digest manifest_digest; // SHA-256 of the manifest with this field as zeros
    Digest tables_digest;   // SHA-256 of the tables part
    Digest kernel_digest;   // SHA-256 over the kernel ELF's PT_LOAD segments without PF_W, in file order, p_filesz bytes each
    Digest kernel_file_digest; // SHA-256 of the kernel's whole file: for the verifier, the kernel never sees its own headers
    u64 bundle_size;        // bytes, whole pages
    Hpa bundle_base;        // page aligned
    u32 tables_offset;
    u32 tables_size;
    Range kernel;           // the kernel image in memory, .bss and boot part included
    Range workspace;        // CpuBlocks and PartitionBlocks
    Hpa trampoline;         // one page below 1 MiB: where application processors wake up
    Hpa kernel_page_tables; // CR3 after launch, in the sealed tables
    ApicMode apic;
    u8 reserved0[7];
    char name[kNameSize];   // of the appliance
    char board[kNameSize];
    Table cpus;
    Table partitions;
    Table regions;
    Table payloads;
    Table channels;
    Table ports;
    Table msrs;
    Table cpuid;
    Table facts;
    Table ram;              // Range records: everything planned, to be found inside usable RAM
    Table devices;          // by partition, then virtual_bdf
    Table bars;             // by device
    Table pci_registers;
    Table bridges;          // by bdf
    Iommu iommu;
    Watchdog watchdog;
    Range event_log;        // kernel-written ring (septum/guest/event_log.hpp), in whole pages; size 0: none
    Hpa crash_record;       // one page that no boot scrubs before it is read; 0: none
    Hpa ecam;               // configuration space as memory, 256 MiB for 256 buses; 0: not used
};
static_assert(sizeof(Header) == 552);

} // namespace septum::manifest
