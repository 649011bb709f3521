// SPDX-License-Identifier: Apache-2.0
// What one appliance file says, after reading: names resolved, units applied, every scalar with its place.
// Both sides of the sharing rule trust it: the planner builds from it, the verifier proves against it.
#pragma once

#include "config/board.hpp"
#include "config/source.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace septum::config {

enum class BootKind : std::uint8_t { elf64, linux, pvh, multiboot };
enum class FaultAction : std::uint8_t { stop, restart, halt_system };

struct Boot {
    BootKind kind = BootKind::elf64;
    Span span;
    Spanned<std::string> image;                 // the ELF; linux: the bzImage. A path as written
    std::optional<Spanned<std::string>> initrd; // linux; pvh and multiboot: their one module
    Spanned<std::string> cmdline;               // all but elf64; empty when left out
};

// Why a life of a partition ends (manifest::Cause, in the same order).
enum class Cause : std::uint8_t { triple_fault, forbidden, unanswerable, watchdog, shutdown, reset };
inline constexpr std::size_t kCauses = 6;

struct OnFault {
    FaultAction action = FaultAction::stop; // what `on_fault:` says
    Span span;
    std::uint32_t attempts = 0;   // counted restarts before it is stopped for good; 3 unless written
    std::uint32_t backoff_ms = 0; // before the first restart; doubles with each
    // By Cause. The first four follow `action` unless written; shutdown stops and reset restarts unless written.
    std::array<FaultAction, kCauses> by_cause{FaultAction::stop, FaultAction::stop, FaultAction::stop,
                                              FaultAction::stop, FaultAction::stop, FaultAction::restart};
};

struct Partition {
    Spanned<std::string> name; // [a-z][a-z0-9-]*, at most 31 bytes
    Span span;                 // the whole entry
    std::uint32_t cpu_count = 1;
    Span cpus_span;
    std::vector<Spanned<std::uint32_t>> cpu_pins; // board CPU numbers, or empty: the planner chooses
    Spanned<std::uint64_t> memory;                // bytes, multiple of 4 KiB, at least 2 MiB
    std::optional<Spanned<std::uint64_t>> base;   // host-physical base when pinned
    std::uint64_t largest_page = 1ULL << 30;      // 4 KiB, 2 MiB or 1 GiB: the largest page the nested tables may use
    Boot boot;
    bool console = false;
    OnFault on_fault;
    std::vector<Spanned<std::uint16_t>> ports_first; // granted host ports: pairs [first, last], same length
    std::vector<Spanned<std::uint16_t>> ports_last;
    std::vector<Spanned<std::string>> devices; // names from the board, as written
    std::vector<std::size_t> device_indices;   // the same as indices into Board::pci, where they name one; same order
    // Longest time between two heartbeats; needs the board's watchdog.
    std::optional<Spanned<std::uint32_t>> heartbeat_ms;
    bool event_log = false; // may read the event log
    Span event_log_span;
    bool pit = false; // `legacy: [pit]`: a virtual 8254, polled
};

struct Channel {
    Spanned<std::string> name;
    Span span;
    Spanned<std::uint32_t> from; // index into Model::partitions
    Spanned<std::uint32_t> to;
    Spanned<std::uint64_t> size; // bytes, multiple of 4 KiB
    bool doorbell = false;
    Span doorbell_span;
    std::optional<Spanned<std::uint64_t>> base; // host-physical when pinned
};

// Someone outside the machine, reached through devices.
struct External {
    Spanned<std::string> name;
    std::vector<Spanned<std::string>> through;
};

// An end of a flow rule: a partition or an external.
struct FlowEnd {
    bool external = false;
    std::uint32_t index = 0;
    Span span;
};

struct FlowRule {
    bool only = false; // false: never
    Span span;
    FlowEnd from;
    FlowEnd to;
    std::vector<FlowEnd> via; // for `only`: every path from → to passes one of these
};

struct Model {
    Spanned<std::string> name;
    std::filesystem::path directory; // of the appliance file; payload paths are relative to it
    Board board;
    std::vector<Partition> partitions; // in name order
    std::vector<Channel> channels;     // in name order
    std::vector<External> externals;   // in name order
    std::vector<FlowRule> policy;      // in file order
};

struct LoadOptions {
    std::string board;                             // name or path that replaces the file's `board:`; empty: none
    std::vector<std::filesystem::path> board_dirs; // searched for NAME.yaml after the appliance's own folder
    bool any_processor = false;                    // take a board that is only looked at: nothing runs on it yet
};

struct Loaded {
    std::optional<Model> model;          // absent when any diagnostic is an error
    std::vector<Diagnostic> diagnostics; // all of them, sorted by place
    Sources sources;                     // file 0 is the appliance
};

// Reads an appliance file and its board. Never throws; every defect is a diagnostic.
[[nodiscard]] Loaded load(const std::filesystem::path& file, const LoadOptions& options);
// The same from memory; `name` is what messages call it.
[[nodiscard]] Loaded load_text(std::string text, std::string name, const std::filesystem::path& directory,
                               const LoadOptions& options);

} // namespace septum::config
