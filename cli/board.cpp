// SPDX-License-Identifier: Apache-2.0
// septum board probe, septum board show BOARD
#include "cli/appliance.hpp"
#include "cli/boards.hpp"
#include "cli/command.hpp"
#include "config/diagnostics.hpp"
#include "probe/machine.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

std::string bdf_text(std::uint16_t bdf) {
    return fmt::format("{:02x}:{:02x}.{}", bdf >> 8, bdf >> 3 & 31, bdf & 7);
}

std::string size_text(std::uint64_t bytes) {
    for (const auto& [unit, name] : {std::pair{1ULL << 30, "GiB"}, {1ULL << 20, "MiB"}, {1024ULL, "KiB"}})
        if (bytes >= unit && bytes % unit == 0)
            return fmt::format("{} {}", bytes / unit, name);
    return fmt::format("{} bytes", bytes);
}

std::string what_it_can(const config::BoardPciFunction& function) {
    std::string text;
    const auto add = [&](const std::string& word) { text += (text.empty() ? "" : ", ") + word; };
    for (const auto& bar : function.bars)
        add(fmt::format("BAR {} {} at {:#x}", bar.number, size_text(bar.size.value), bar.base.value));
    if (function.msix.at != 0)
        add(fmt::format("MSI-X {}", function.msix.entries));
    else if (function.msi.at != 0)
        add(fmt::format("MSI {}", function.msi.vectors));
    constexpr const char* kResets[] = {"no reset", "FLR", "AF FLR", "power reset", "bus reset"};
    if (function.assignable)
        add(kResets[static_cast<std::size_t>(function.reset)]);
    return text;
}

// Functions of a bus, and behind each bridge those of its bus.
void draw_bus(const config::Board& board, std::uint16_t bus, const std::string& indent, std::size_t depth,
              std::string& text) {
    std::vector<const config::BoardPciFunction*> here;
    for (const auto& function : board.pci)
        if (function.bdf >> 8 == bus)
            here.push_back(&function);
    for (const auto* function : here) {
        const bool last = function == here.back();
        text += fmt::format("{}{} {}  {:04x}:{:04x}  {}", indent, last ? "└─" : "├─", bdf_text(function->bdf),
                            function->vendor, function->device, function->name.value);
        const auto can = what_it_can(*function);
        text += can.empty() ? "\n" : "  (" + can + ")\n";
        if (function->is_bridge && function->bridge.secondary > bus && depth < 16)
            draw_bus(board, function->bridge.secondary, indent + (last ? "   " : "│  "), depth + 1, text);
    }
}

std::string drawn(const config::Board& board) {
    std::string text =
        fmt::format("`{}`: {} processor, {}, {} physical address bits\n\ncpus:\n", board.name.value,
                    board.vendor.value == config::Vendor::amd ? "AMD" : "Intel",
                    board.apic.value == config::Apic::x2apic ? "x2APIC" : "xAPIC", board.physical_address_bits);
    const bool several = std::any_of(board.cpus.begin(), board.cpus.end(), [&](const config::BoardCpu& cpu) {
        return cpu.package != board.cpus.front().package;
    });
    for (std::size_t i = 0; i < board.cpus.size(); i++)
        text += fmt::format("  {:<3} APIC id {:<4} core {}{}\n", i, board.cpus[i].apic_id.value, board.cpus[i].core,
                            several ? fmt::format("  package {}", board.cpus[i].package) : "");
    text += "\nmemory that may be planned in:\n";
    std::uint64_t sum = 0;
    for (const auto& range : board.memory) {
        text += fmt::format("  {:#012x} to {:#012x}  {}\n", range.base.value, range.base.value + range.size.value,
                            size_text(range.size.value));
        sum += range.size.value;
    }
    text += fmt::format("  {:.1f} MiB in all\n\niommu: ", static_cast<double>(sum) / 1048576.0);
    if (board.iommu.kind == config::BoardIommu::none)
        text += "none: no device can be granted\n";
    else
        text += fmt::format("{} at {:#x}, {} address bits, pages up to {}\n",
                            board.iommu.kind == config::BoardIommu::vt_d ? "VT-d" : "AMD-Vi",
                            board.iommu.registers.value, board.iommu.address_bits, size_text(board.iommu.largest_page));
    text += "\npci:\n";
    std::vector<std::uint16_t> behind;
    for (const auto& function : board.pci)
        if (function.is_bridge)
            behind.push_back(function.bridge.secondary);
    std::vector<std::uint16_t> roots;
    for (const auto& function : board.pci) {
        const std::uint16_t bus = function.bdf >> 8;
        if (std::find(behind.begin(), behind.end(), bus) == behind.end() &&
            std::find(roots.begin(), roots.end(), bus) == roots.end())
            roots.push_back(bus);
    }
    for (const auto bus : roots)
        draw_bus(board, bus, "  ", 0, text);
    return text;
}

class BoardCommand : public Command {
public:
    About about() const override {
        return {"board", "probe|show [BOARD]", "facts of a machine: see them, or write its board file",
                "`probe` looks at the Linux it runs on (ACPI tables, /proc, PCI) and writes a commented board file; as "
                "root "
                "it\n"
                "sees most, and what it could not see is in the file with how to get it. `show` draws a board file, "
                "also that "
                "of a\n"
                "machine with Intel processors; no appliance can be built for one, and it says so.",
                "sudo septum board probe --name my-box -o my-box.yaml\n"
                "septum board probe --root capture/        files copied from another machine's /\n"
                "septum board show qemu-q35\n"
                "septum board show ./my-box.yaml"};
    }
    void declare(CLI::App& app) override {
        app.add_option("ACTION", action_, "probe or show");
        app.add_option("BOARD", board_, "for show: a board's name or file");
        app.add_option("--boards", input_.boards, "a folder with board files; may be repeated")
            ->type_name("DIR")
            ->allow_extra_args(false);
        app.add_option("--root", root_, "where /proc and /sys are (default: /)")->type_name("DIR")->take_last();
        app.add_option("--name", name_, "the board's name (default: FILE's without suffix, or this-machine)")
            ->type_name("NAME")
            ->take_last();
        app.add_option("-o,--output", output_, "the board file to write (default: standard output)")
            ->type_name("FILE")
            ->take_last();
    }
    std::vector<Needed> needed() const override { return {{"`probe` or `show`", &action_}}; }

    int run(const Terminal& terminal) override {
        if (action_ == "probe")
            return probe(terminal);
        if (action_ == "show")
            return show(terminal);
        return terminal.usage("`septum board` can `probe` and `show`, not `" + action_ + "`",
                              config::did_you_mean(action_, {"probe", "show"}, "septum board show qemu-q35"));
    }

private:
    int show(const Terminal& terminal) const {
        if (board_.empty())
            return terminal.usage("`septum board show` needs a BOARD", help_with_boards(input_.load_options()));
        auto read = board_to_see(board_, input_.load_options());
        if (!read.board) {
            Answer answer;
            answer.command = "board";
            answer.sources = std::move(read.sources);
            answer.diagnostics = std::move(read.diagnostics);
            return give(terminal, answer, {});
        }
        terminal.print(drawn(*read.board));
        if (read.board->vendor.value == config::Vendor::intel)
            terminal.warn(
                "no appliance can be built for `" + read.board->name.value +
                    "`: its processors are Intel's, and septum's kernel isolates partitions by SVM, which only "
                    "AMD's have",
                "take a machine with AMD processors; `septum init` makes an appliance for one that QEMU makes");
        return kDone;
    }

    int probe(const Terminal& terminal) const {
        if (!board_.empty())
            return terminal.usage("`septum board probe` has no use for `" + board_ + "`", "`--name` names the board");
        std::error_code ec;
        if (!fs::is_directory(root_, ec))
            return terminal.fail("there is no folder `" + root_ + "` for `--root`");
        std::string name = name_;
        if (name.empty())
            name = output_.empty() ? "this-machine" : fs::path(output_).stem().string();
        const bool good = !name.empty() && name.size() <= 31 && name[0] >= 'a' && name[0] <= 'z' &&
                          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
        if (!good)
            return terminal.usage("`" + name + "` is no name for a board",
                                  "lower-case letters, digits and `-`, a letter first, at most 31");
        const auto machine = probe::look(root_);
        const std::string text = probe::board_file(machine, name);
        if (output_.empty() || output_ == "-") {
            terminal.print(text);
        } else {
            auto file = PendingFile::make(output_);
            if (!file.ok())
                return terminal.fail(file.diagnostics);
            if (const auto failed = file.value->commit(text); !failed.empty())
                return terminal.fail(failed);
        }
        for (const auto& missing : machine.missing)
            terminal.warn("not seen: " + missing.what, missing.help);
        const auto count = [](std::size_t n, const char* what) {
            return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
        };
        terminal.say(fmt::format("saw {}, {} of memory, {}, {}", count(machine.cpus.size(), "CPU"),
                                 count(machine.memory.size(), "range"), count(machine.units.size(), "IOMMU unit"),
                                 count(machine.functions.size(), "PCI function")));
        return machine.cpus.empty() || machine.memory.empty() || machine.functions.empty() ? kFailed : kDone;
    }

    ApplianceOptions input_;
    std::string action_;
    std::string board_;
    std::string root_ = "/";
    std::string name_;
    std::string output_;
};

} // namespace

std::unique_ptr<Command> make_board() {
    return std::make_unique<BoardCommand>();
}

} // namespace septum::cli
