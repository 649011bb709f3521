// SPDX-License-Identifier: Apache-2.0
// septum run FILE|IMAGE
#include "build/image/scratch.hpp"
#include "cli/appliance.hpp"
#include "cli/boards.hpp"
#include "cli/command.hpp"
#include "cli/number.hpp"
#include "cli/pattern.hpp"
#include "cli/places.hpp"
#include "cli/qemu.hpp"
#include "cli/session.hpp"
#include "config/diagnostics.hpp"
#include "verifier/facts/facts.hpp"

#include <algorithm>
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
                "septum run appliance.iso --expect 'vault: ready' --expect 'gateway: stopped' --timeout 30\n"
                "septum run appliance.iso --expect '/gateway: [0-9]+ of [0-9]+ answers verified/'\n"
                "septum run appliance.img --uefi                           a disk; or an archive or folder for the "
                "network\n"
                "septum run appliance.iso --uefi --qemu-arg=-d --qemu-arg=int\n"
                "septum run appliance.iso --view columns                   side by side; keys: 0 all, 1 to 9 one, c "
                "columns\n"
                "septum run appliance.iso --record demo.cast               to play it again: asciinema play demo.cast\n"
                "septum run appliance.iso --gdb                            waits for gdb before the first instruction\n"
                "septum run appliance.iso --print-command"};
    }
    void declare(CLI::App& app) override {
        app.add_option("FILE|IMAGE", input_.file, "an appliance, or an image built from one");
        app.add_option("-t,--timeout", timeout_, "end after so many seconds")->type_name("SECONDS")->take_last();
        app.add_option("-e,--expect", expected_,
                       "what a line must have: a text, or /a regular expression/; may be repeated; in any order")
            ->type_name("PATTERN")
            ->allow_extra_args(false);
        app.add_option("--view", view_,
                       "all, columns, septum (the kernel) or a partition; keys change it (default: all)")
            ->type_name("WHO")
            ->take_last();
        app.add_option("--record", record_, "write what is shown as an asciicast")->type_name("FILE")->take_last();
        app.add_flag("--gdb", gdb_, "wait for gdb before the first instruction");
        app.add_option("--gdb-port", gdb_port_, "where it waits, on this machine only (default: 1234)")
            ->type_name("PORT")
            ->take_last();
        app.add_flag("--uefi", qemu_.uefi, "start by UEFI (OVMF) instead of BIOS");
        app.add_option("--accel", qemu_.accel, "QEMU's accelerator (default: tcg)")->type_name("NAME")->take_last();
        app.add_option("--qemu", qemu_.program, "QEMU itself (default: qemu-system-x86_64)")
            ->type_name("PROGRAM")
            ->take_last();
        app.add_option("--qemu-arg", qemu_.arguments,
                       "one more argument for QEMU, as in --qemu-arg=-s; may be repeated")
            ->type_name("WORD")
            ->allow_extra_args(false);
        app.add_option(
               "--disks", qemu_.disks,
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
        for (const auto& text : expected_)
            if (const Pattern pattern(text); !pattern.error().empty())
                return terminal.usage("`--expect " + text + "` is no regular expression: " + pattern.error(),
                                      "between slashes it is one, as `grep -E` takes it; without them a text");
        session.view = view_;
        session.record = record_;
        const auto port = parse_number(gdb_port_);
        if (!port || *port == 0 || *port > 65535)
            return terminal.usage("`--gdb-port` is a port from 1 to 65535, not `" + gdb_port_ + "`");
        if (gdb_)
            qemu_.arguments.insert(qemu_.arguments.end(), {"-gdb", "tcp:127.0.0.1:" + std::to_string(*port), "-S"});
        if (!timeout_.empty()) {
            char* end = nullptr;
            session.seconds = std::strtod(timeout_.c_str(), &end);
            if (*end != '\0' || !std::isfinite(session.seconds) || session.seconds <= 0)
                return terminal.usage("`--timeout` is a number of seconds, not `" + timeout_ + "`");
        } else if (!expected_.empty()) {
            session.seconds = kPatience;
        }
        if (const auto target = target_of_image(input_.file)) {
            qemu_.target = *target;
            return run_image(terminal, session);
        }
        const auto unreadable = check_readable(input_.file);
        if (!unreadable.empty())
            return terminal.fail(unreadable);
        return named_like_image(input_.file) ? run_image(terminal, session) : run_appliance(terminal, session);
    }

private:
    int run_image(const Terminal& terminal, const SessionOptions& session) const {
        auto board = board_of_image(input_.file, input_.load_options());
        if (!board.ok())
            return terminal.fail(board.diagnostics);
        if (!view_is_known(terminal, partitions_of_image(input_.file)))
            return kUsage;
        if (qemu_.target != Target::netboot || fs::is_directory(input_.file))
            return start(terminal, *board.value, input_.file, session);
        if (print_command_) // as if it were unpacked beside itself
            return start(terminal, *board.value, fs::path(input_.file).replace_extension(), session);
        const auto scratch = build::Scratch::make();
        if (!scratch.ok())
            return terminal.fail(scratch.diagnostics);
        if (const auto failed = unpack(scratch.value->path()); !failed.empty())
            return terminal.fail(failed);
        return start(terminal, *board.value, scratch.value->path(), session);
    }

    // Says so when `--view` names nobody who will ever speak.
    bool view_is_known(const Terminal& terminal, std::vector<std::string> names) const {
        names.insert(names.begin(), {"all", "columns", "septum"});
        if (std::find(names.begin(), names.end(), view_) != names.end())
            return true;
        const std::vector<std::string_view> views(names.begin(), names.end());
        (void)terminal.usage("there is no console `" + view_ + "` for `--view`",
                             config::did_you_mean(view_, views, "it is one of " + config::tick_list(views)));
        return false;
    }

    // The archive's files into `folder`, for QEMU to serve.
    std::vector<config::Diagnostic> unpack(const fs::path& folder) const {
        const auto bytes = read_file(input_.file);
        if (!bytes.ok())
            return bytes.diagnostics;
        const auto image = verifier::open_image(*bytes.value);
        if (!image.ok())
            return image.diagnostics;
        for (const auto& file : image.value->files)
            if (const fs::path name = file.path; name == name.filename() && name != "..")
                if (auto failed = build::write_scratch(folder / name, file.contents); !failed.empty())
                    return failed;
        return {};
    }

    int run_appliance(const Terminal& terminal, const SessionOptions& session) const {
        Appliance appliance("run", terminal, input_);
        if (!appliance.load())
            return give(terminal, appliance.answer(), {});
        const auto& model = appliance.model();
        std::vector<std::string> names;
        for (const auto& partition : model.partitions)
            names.push_back(partition.name.value);
        if (!view_is_known(terminal, std::move(names)))
            return kUsage;
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
        if (gdb_)
            terminal.say("waiting for gdb:\n  gdb " + default_kernel().string() +
                         " -ex 'target remote 127.0.0.1:" + gdb_port_ + "' -ex 'hbreak boot_main' -ex continue");
        return run_session(terminal, *command.value, session);
    }

    ApplianceOptions input_;
    QemuOptions qemu_;
    std::string timeout_;
    std::vector<std::string> expected_;
    std::string view_ = "all";
    std::string record_;
    std::string gdb_port_ = "1234";
    bool gdb_ = false;
    bool print_command_ = false;
};

} // namespace

std::unique_ptr<Command> make_run() {
    return std::make_unique<Run>();
}

} // namespace septum::cli
