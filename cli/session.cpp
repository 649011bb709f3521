// SPDX-License-Identifier: Apache-2.0
#include "cli/session.hpp"

#include "cli/child.hpp"
#include "cli/console.hpp"
#include "cli/exit_code.hpp"
#include "cli/files.hpp"
#include "cli/keys.hpp"
#include "cli/record.hpp"
#include "cli/view.hpp"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace septum::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr double kLastWords = 0.3; // seconds for what is still in the consoles after the kernel's end is known

// The kernel's greeting: "gateway on qemu-q35, 3 partitions, 4 CPUs"; 0 for every other line.
std::size_t count_in_greeting(std::string_view line) {
    const auto comma = line.find(", ");
    if (comma == std::string_view::npos || line.substr(0, comma).find(" on ") == std::string_view::npos)
        return 0;
    line.remove_prefix(comma + 2);
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), count);
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    return error == std::errc() && line.starts_with(" partition") ? count : 0;
}

enum class End { none, machine, time, expected, stopped, reader_gone, key };

class Session {
public:
    Session(const Terminal& terminal, const SessionOptions& options)
        : terminal_(terminal), view_(Painter(terminal.color_on_stdout()), screen_width()), recording_(screen_width()),
          expectations_(options.expected), expecting_(!options.expected.empty()) {
        if (options.view != "all")
            put(view_.choose(options.view));
        if (options.seconds > 0)
            set_deadline(options.seconds);
    }

    End follow(int fd) {
        char buffer[4096];
        while (end_ == End::none) {
            pollfd wait[] = {{fd, POLLIN, 0}, {keys_.input(), POLLIN, 0}}; // a negative one is passed over
            const int ready = ::poll(wait, 2, milliseconds_left());
            if (ready == 0) {
                end_ = progress_over() ? End::stopped : End::time;
                break;
            }
            if (ready < 0)
                continue; // EINTR
            if (wait[1].revents != 0 && !press(keys_.read()))
                break;
            if (wait[0].revents == 0)
                continue;
            const auto n = ::read(fd, buffer, sizeof buffer);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                end_ = End::machine;
                break;
            }
            for (const auto& line : reader_.feed({buffer, static_cast<std::size_t>(n)}))
                show(line);
            if (terminal_.flush() != 0)
                end_ = End::reader_gone;
        }
        if (const auto rest = reader_.rest(); !rest.empty())
            show(rest);
        return end_;
    }

    [[nodiscard]] const Progress& progress() const { return progress_; }
    [[nodiscard]] std::vector<std::string> missing() const { return expectations_.missing(); }
    [[nodiscard]] const Recording& recording() const { return recording_; }

private:
    void put(const std::string& text) {
        if (text.empty())
            return;
        terminal_.print(text);
        recording_.add(Seconds(Clock::now() - begin_).count(), text);
    }

    // False when the key ends it.
    bool press(char key) {
        if (key == 'q')
            end_ = End::key;
        else
            put(view_.key(key));
        (void)terminal_.flush(); // a reader that has gone is seen with the next line
        return end_ == End::none;
    }

    [[nodiscard]] bool progress_over() const {
        return progress_.all_stopped() || progress_.halted() || progress_.refused();
    }

    void show(const std::string& line) {
        const bool before = progress_over();
        progress_.see(line);
        expectations_.see(line);
        started_ = started_ || !line.empty(); // firmware clears the screen before it says anything
        if (started_)
            put(view_.show(line));
        if (expecting_ && expectations_.missing().empty())
            end_ = End::expected;
        if (!before && progress_over())
            set_deadline(kLastWords);
    }

    void set_deadline(double seconds) {
        const auto when = Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(std::min(seconds, 1e8)));
        deadline_ = deadline_ ? std::min(*deadline_, when) : when;
    }

    [[nodiscard]] int milliseconds_left() const {
        if (!deadline_)
            return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
        return static_cast<int>(std::clamp<decltype(left)>(left, 0, 1'000'000));
    }

    const Terminal& terminal_;
    LineReader reader_;
    Keys keys_;
    View view_;
    Recording recording_;
    Clock::time_point begin_ = Clock::now();
    Expectations expectations_;
    Progress progress_;
    bool expecting_;
    bool started_ = false;
    End end_ = End::none;
    std::optional<Clock::time_point> deadline_;
};

} // namespace

void Progress::see(std::string_view line) {
    constexpr std::string_view kKernel = "septum: ";
    if (!line.starts_with(kKernel))
        return;
    line.remove_prefix(kKernel.size());
    refused_ = refused_ || line.starts_with("refused: ");
    halted_ = halted_ || line.starts_with("halted: ");
    if (partitions_ == 0)
        partitions_ = count_in_greeting(line);
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos)
        return;
    const auto what = line.substr(colon + 2);
    if (what == "stopped" || what.starts_with("stopped: "))
        stopped_.emplace(line.substr(0, colon));
}

int run_session(const Terminal& terminal, const std::vector<std::string>& command, const SessionOptions& options) {
    std::optional<PendingFile> record;
    if (!options.record.empty()) {
        auto file = PendingFile::make(options.record);
        if (!file.ok())
            return terminal.fail(file.diagnostics);
        record.emplace(std::move(*file.value));
    }
    auto child = Child::start(command);
    if (!child.ok())
        return terminal.fail(child.diagnostics);
    Session session(terminal, options);
    const auto start = Clock::now();
    const End end = session.follow(child.value->output());
    const int code = end == End::machine ? child.value->wait() : (child.value->stop(), 0);
    const double seconds = Seconds(Clock::now() - start).count();

    if (record)
        if (const auto failed = record->commit(session.recording().text()); !failed.empty())
            return terminal.fail(failed);
    if (!options.expected.empty()) {
        if (session.missing().empty()) {
            terminal.say(fmt::format("all that was expected was said ({:.1f} s)", seconds));
            return kDone;
        }
        for (const auto& text : session.missing())
            terminal.say("not said: `" + text + "`");
        terminal.say(end == End::time ? fmt::format("the time was up after {:.1f} s", seconds)
                                      : fmt::format("the machine was at its end after {:.1f} s", seconds));
        return kFindings;
    }
    switch (end) {
    case End::reader_gone:
        return kFailed;
    case End::key:
        terminal.say(fmt::format("ended after {:.1f} s, by a key", seconds));
        return kDone;
    case End::time:
        terminal.say(fmt::format("ended after {:.1f} s, as asked", seconds));
        return kDone;
    default:
        break;
    }
    if (session.progress().refused())
        return terminal.fail("the kernel refused to start: its last line says why");
    if (session.progress().halted())
        return terminal.fail("the kernel halted the system: its last line says why");
    if (code != 0)
        return terminal.fail(fmt::format("`{}` ended with exit code {}", command[0], code));
    terminal.say(session.progress().all_stopped() ? fmt::format("all partitions have stopped ({:.1f} s)", seconds)
                                                  : fmt::format("the machine was switched off ({:.1f} s)", seconds));
    return kDone;
}

} // namespace septum::cli
