// SPDX-License-Identifier: Apache-2.0
// septum run FILE|IMAGE
#include "build/image/scratch.hpp"
#include "cli/appliance.hpp"
#include "cli/boards.hpp"
#include "cli/command.hpp"
#include "cli/qemu.hpp"
#include "cli/session.hpp"

#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kPatience = 120; // seconds to wait for `--expect` when nothing else is said

class Run : public Command {
public:
    About about() const override {
        return {"run", "FILE|IMAGE", "start it in QEMU; every line of the console says whose it is",
                "Starts an image, or builds and proves the appliance first, on the board it was made for. Ends when "
                "the machine\n"
                "does, when all partitions have stopped, when everything expected was said, or with the time. Exit "
                "code 2: the\n"
                "time was up, or the machine at its end, before everything expected was said.",
                "septum run appliance.yaml\n"
                "septum run appliance.iso --timeout 20\n"
                "septum run appliance.iso --expect 'vault] ready' --expect 'gateway] done' --timeout 30\n"
                "septum run appliance.iso --uefi --qemu-arg=-d --qemu-arg=int\n"
                "septum run appliance.iso --print-command"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE|IMAGE", input_.file, "an appliance, or an image built from one");
        app.add_option("-t,--timeout", timeout_, "end after so many seconds")->type_name("SECONDS")->take_last();
        app.add_option("-e,--expect", expected_, "a text that a line must have; may be repeated; in any order")
            ->type_name("TEXT")
            ->allow_extra_args(false);
        app.add_flag("--uefi", qemu_.uefi, "start by UEFI (OVMF) instead of BIOS");
        app.add_option("--accel", qemu_.accel, "QEMU's accelerator (default: tcg)")->type_name("NAME")->take_last();
        app.add_option("--qemu", qemu_.program, "QEMU itself (default: qemu-system-x86_64)")
            ->type_name("PROGRAM")
            ->take_last();
        app.add_option("--qemu-arg", qemu_.arguments,
                       "one more argument for QEMU, as in --qemu-arg=-s; may be repeated")
            ->type_name("WORD")
            ->allow_extra_args(false);
        app.add_option("--disks", qemu_.disks,
                       "folder of the board's disks, BOARD.DISK.img; made when they are not there (default: the current one)")
            ->type_name("FOLDER")
            ->take_last();
        app.add_flag("--print-command", print_command_, "print the command for QEMU and do nothing");
        input_.declare(app, true);
    }
    std::vector<Needed> needed() const override { return {{"a FILE or an IMAGE", &input_.file}}; }

    int run(const Terminal& terminal) override {
        SessionOptions session;
        session.expected = expected_;
        if (!timeout_.empty()) {
            char* end = nullptr;
            session.seconds = std::strtod(timeout_.c_str(), &end);
            if (*end != '\0' || !std::isfinite(session.seconds) || session.seconds <= 0)
                return terminal.usage("`--timeout` is a number of seconds, not `" + timeout_ + "`");
        } else if (!expected_.empty()) {
            session.seconds = kPatience;
        }
        const auto unreadable = check_readable(input_.file);
        if (!unreadable.empty())
            return terminal.fail(unreadable);
        const bool image = looks_like_image(input_.file) || fs::path(input_.file).extension() == ".iso";
        return image ? run_image(terminal, session) : run_appliance(terminal, session);
    }

private:
    int run_image(const Terminal& terminal, const SessionOptions& session) const {
        auto board = board_of_image(input_.file, input_.load_options());
        if (!board.ok())
            return terminal.fail(board.diagnostics);
        return start(terminal, *board.value, input_.file, session);
    }

    int run_appliance(const Terminal& terminal, const SessionOptions& session) const {
        Appliance appliance("run", terminal, input_);
        if (!appliance.load())
            return give(terminal, appliance.answer(), {});
        const auto& model = appliance.model();
        if (print_command_)
            return start(terminal, model.board, model.name.value + ".iso", session);
        if (const int code = check_machine(terminal, model.board); code != kDone)
            return code; // before the work of building
        if (!(appliance.prove_model() && appliance.plan() && appliance.make_image() && appliance.prove_image()))
            return give(terminal, appliance.answer(), {});
        terminal.say(summary(*appliance.answer().report));
        const auto scratch = build::Scratch::make();
        if (!scratch.ok())
            return terminal.fail(scratch.diagnostics);
        const fs::path file = scratch.value->path() / (model.name.value + ".iso");
        if (const auto failed = build::write_scratch(file, appliance.image()); !failed.empty())
            return terminal.fail(failed);
        return start(terminal, model.board, file, session);
    }

    int check_machine(const Terminal& terminal, const config::Board& board) const {
        if (const auto real = check_emulated(board); !real.empty())
            return terminal.fail(real);
        const auto program = find_qemu(qemu_);
        if (!program.ok())
            return terminal.fail(program.diagnostics);
        if (board.qemu.minimum_version.empty())
            return kDone;
        const auto version = qemu_version(*program.value);
        if (!version.ok())
            return terminal.fail(version.diagnostics);
        const auto old = check_qemu(board, *version.value, known_boards(input_.load_options()));
        return old.empty() ? kDone : terminal.fail(old);
    }

    int start(const Terminal& terminal, const config::Board& board, const fs::path& image,
              const SessionOptions& session) const {
        if (!print_command_)
            if (const int code = check_machine(terminal, board); code != kDone)
                return code;
        auto program = find_qemu(qemu_);
        if (!program.ok() && print_command_)
            program.value = "qemu-system-x86_64";
        if (!program.value)
            return terminal.fail(program.diagnostics);
        const auto command = qemu_command(board, *program.value, image, qemu_);
        if (!command.ok())
            return terminal.fail(command.diagnostics);
        if (print_command_) {
            terminal.print(quoted(*command.value) + "\n");
            return kDone;
        }
        if (const auto failed = make_disks(board, qemu_); !failed.empty())
            return terminal.fail(failed);
        return run_session(terminal, *command.value, session);
    }

    ApplianceOptions input_;
    QemuOptions qemu_;
    std::string timeout_;
    std::vector<std::string> expected_;
    bool print_command_ = false;
};

} // namespace

std::unique_ptr<Command> make_run() {
    return std::make_unique<Run>();
}

} // namespace septum::cli
