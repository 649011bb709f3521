// SPDX-License-Identifier: Apache-2.0
// septum init [DIR]
#include "cli/appliance.hpp"
#include "cli/boards.hpp"
#include "cli/command.hpp"
#include "cli/places.hpp"
#include "cli/problem.hpp"
#include "cli/qemu.hpp"
#include "cli/templates.hpp"

#include "config/diagnostics.hpp"
#include "config/system_words.hpp"

#include <algorithm>
#include <cctype>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsualBoard = "qemu-q35";
constexpr const char* kBoardForOldQemu = "qemu-q35-xapic";

// An appliance's name: [a-z][a-z0-9-]*, at most 31 bytes.
std::string name_from(const fs::path& folder) {
    std::error_code ec;
    std::string name;
    for (const char c : fs::weakly_canonical(folder, ec).filename().string()) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower >= 'a' && lower <= 'z')
            name += lower;
        else if (lower >= '0' && lower <= '9' && !name.empty())
            name += lower;
        else if (!name.empty() && !name.ends_with('-')) // a letter of several bytes is one
            name += '-';
    }
    name.resize(std::min<std::size_t>(name.size(), 31));
    while (name.ends_with('-'))
        name.pop_back();
    return name.empty() ? "demo" : name;
}

// As a shell takes it for one word.
std::string quoted(const std::string& word) {
    const auto plain = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return std::isalnum(byte) != 0 || byte >= 0x80 ||
               std::string_view("/._-+,:@%=").find(c) != std::string_view::npos;
    };
    if (std::all_of(word.begin(), word.end(), plain))
        return word;
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? "'\\''" : std::string(1, c);
    return text + "'";
}

// The board that the QEMU of this machine can be; the usual one when there is no QEMU here.
std::string board_for_this_machine() {
    config::LoadOptions options;
    options.board_dirs = default_board_folders();
    const auto usual = board_by_name(kUsualBoard, options);
    const auto program = find_qemu({});
    if (!usual.ok() || !program.ok())
        return kUsualBoard;
    const auto version = qemu_version(*program.value);
    return version.ok() && !check_qemu(*usual.value, *version.value, {}).empty() ? kBoardForOldQemu : kUsualBoard;
}

// What the appliance in `folder` says to get the board that the person named from here: a name that septum knows or
// that has its file in `folder`, and an absolute path, as they are; a file here by its way from `folder`. Errors: there
// is no such board or file. A board that is badly written is said by whoever reads the appliance.
config::Outcome<std::string> board_from(const fs::path& folder, const std::string& named) {
    std::error_code ec;
    const fs::path path = named;
    const bool is_file = path.has_parent_path() || path.extension() == ".yaml" || path.extension() == ".yml";
    const fs::path file = is_file ? path : fs::path(named + ".yaml");
    const auto there = [&](const fs::path& at) { return fs::exists(at, ec) && !fs::is_directory(at, ec); };
    if (there(folder / file))
        return {named, {}};
    if (there(file)) {
        const auto way = fs::proximate(fs::weakly_canonical(fs::absolute(file, ec), ec),
                                       fs::weakly_canonical(fs::absolute(folder, ec), ec), ec);
        return {way.string(), {}};
    }
    config::LoadOptions options;
    options.board_dirs = default_board_folders();
    if (is_file)
        return {std::nullopt, {problem("file", "there is no board file `" + named + "`", help_with_boards(options))}};
    auto found = board_by_name(named, options);
    std::erase_if(found.diagnostics, [](const auto& d) { return d.id != "config.unknown-board"; });
    if (!found.diagnostics.empty())
        return {std::nullopt, std::move(found.diagnostics)};
    return {named, {}};
}

class Init : public Command {
public:
    About about() const override {
        return {
            "init", "[DIR]", "write a small appliance that builds and runs",
            "Writes DIR/appliance.yaml (DIR is made when it is not there; default: the current folder). Overwrites "
            "nothing.\n"
            "Templates: `gateway-vault` (default), three native partitions that ship with septum, two channels and a\n"
            "policy; `mixed-criticality`, what must go on beside what may fail; `linux`, a single Linux of yours.",
            "septum init demo\n"
            "septum run demo/appliance.yaml\n"
            "septum init plant --template mixed-criticality"};
    }
    void declare(CLI::App& app) override {
        app.add_option("DIR", folder_, "where to write it");
        app.add_option("-b,--board", board_, "the board to name in it (default: one that the installed QEMU can be)")
            ->type_name("BOARD")
            ->take_last();
        app.add_option("-t,--template", template_, "gateway-vault, mixed-criticality or linux (default: gateway-vault)")
            ->type_name("TEMPLATE")
            ->take_last();
    }

    int run(const Terminal& terminal) override {
        const auto names = template_names();
        if (std::find(names.begin(), names.end(), template_) == names.end())
            return terminal.usage("there is no template `" + template_ + "`",
                                  config::did_you_mean(template_, names, "templates are " + config::tick_list(names)));
        const fs::path folder = folder_.empty() ? "." : folder_;
        const fs::path file = folder_.empty() ? fs::path("appliance.yaml") : folder / "appliance.yaml";
        std::error_code ec;
        if (fs::symlink_status(file, ec).type() != fs::file_type::not_found)
            return terminal.fail("`" + file.string() + "` is there already",
                                 "choose another folder: `septum init DIR`");
        const auto board =
            board_.empty() ? config::Outcome<std::string>{board_for_this_machine(), {}} : board_from(folder, board_);
        if (!board.ok())
            return terminal.fail(board.diagnostics);
        const bool made = fs::create_directories(folder, ec);
        if (ec)
            return terminal.fail("cannot make the folder `" + folder.string() +
                                 "`: " + config::system_words(ec.value()));
        std::vector<config::Diagnostic> failed;
        {
            auto pending = PendingFile::make(file);
            failed = std::move(pending.diagnostics);
            if (pending.ok())
                failed = pending.value->commit(
                    appliance_template(template_, name_from(folder), *board.value, installed_schema()));
        }
        if (!failed.empty()) {
            if (made)
                fs::remove(folder, ec); // only when it is empty
            return terminal.fail(failed);
        }
        terminal.print("wrote " + file.string() + "\n\nnext:\n" +
                       (template_ == "linux" ? "  put `vmlinuz` and `initrd.img` beside it\n" : "") +
                       "  septum verify " + quoted(file.string()) + "\n  septum run " + quoted(file.string()) + "\n");
        return kDone;
    }

private:
    std::string folder_;
    std::string board_;
    std::string template_ = "gateway-vault";
};

} // namespace

std::unique_ptr<Command> make_init() {
    return std::make_unique<Init>();
}

} // namespace septum::cli
