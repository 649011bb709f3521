// SPDX-License-Identifier: Apache-2.0
#include "build/image/scratch.hpp"

#include "config/system_words.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace septum::build {
namespace {

namespace fs = std::filesystem;

// What abandon_scratch() has to undo. It takes the mutex for good, so nothing is begun after it.
struct Live {
    std::mutex mutex;
    std::set<fs::path> folders;
    std::set<pid_t> tools;
};

Live& live() {
    static Live instance;
    return instance;
}

config::Diagnostic error(std::string id, std::string message) {
    config::Diagnostic d;
    d.id = std::move(id);
    d.message = std::move(message);
    return d;
}

class Fd {
public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(); }
    void close() {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

fs::path find_in_path(const std::vector<std::string>& names) {
    const char* env = std::getenv("PATH");
    const std::string path = env != nullptr ? env : "/usr/bin:/bin";
    for (const auto& name : names) {
        for (std::size_t at = 0; at <= path.size();) {
            const auto end = std::min(path.find(':', at), path.size());
            const fs::path candidate = fs::path(path.substr(at, end - at)) / name;
            if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate))
                return candidate;
            at = end + 1;
        }
    }
    return {};
}

// The last lines of what a tool said: the reason is there.
std::vector<std::string> last_lines(const std::string& text, std::size_t most) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        if (end > at)
            lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    if (lines.size() > most)
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
    return lines;
}

} // namespace

config::Outcome<Scratch> Scratch::make() {
    const char* wish = std::getenv("TMPDIR");
    const fs::path parent = wish != nullptr && *wish != '\0' ? wish : "/tmp";
    std::string name = (parent / "septum-XXXXXX").string();
    const std::lock_guard lock(live().mutex);
    if (::mkdtemp(name.data()) == nullptr) {
        auto d = error("build.scratch",
                       "cannot make a temporary folder in `" + parent.string() + "`: " + config::system_words(errno));
        d.help = "set `TMPDIR` to a folder that you may write to";
        return {std::nullopt, {std::move(d)}};
    }
    live().folders.insert(name);
    return {Scratch(name), {}};
}

Scratch::Scratch(Scratch&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
}

Scratch::~Scratch() {
    if (path_.empty())
        return;
    const std::lock_guard lock(live().mutex);
    std::error_code ec;
    fs::remove_all(path_, ec);
    live().folders.erase(path_);
}

std::vector<config::Diagnostic> write_scratch(const fs::path& file, std::span<const std::uint8_t> bytes) {
    const std::lock_guard lock(live().mutex); // nothing appears in a folder that abandon_scratch() removes
    const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    bool good = fd.get() >= 0 && ::fchmod(fd.get(), 0644) == 0;
    while (good && !bytes.empty()) {
        const auto n = ::write(fd.get(), bytes.data(), bytes.size());
        if (n > 0)
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        else if (n == 0 || errno != EINTR)
            good = false;
    }
    if (good)
        return {};
    return {error("build.scratch", "cannot write `" + file.string() + "`: " + config::system_words(errno))};
}

config::Outcome<std::vector<std::uint8_t>> read_scratch(const fs::path& file) {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat st = {};
    std::vector<std::uint8_t> bytes;
    bool good = fd.get() >= 0 && ::fstat(fd.get(), &st) == 0;
    if (good)
        bytes.resize(static_cast<std::size_t>(st.st_size));
    for (std::size_t at = 0; good && at < bytes.size();) {
        const auto n = ::read(fd.get(), bytes.data() + at, bytes.size() - at);
        if (n > 0)
            at += static_cast<std::size_t>(n);
        else if (n == 0 || errno != EINTR)
            good = false;
    }
    if (good)
        return {std::move(bytes), {}};
    return {std::nullopt,
            {error("build.scratch", "cannot read `" + file.string() + "`: " + config::system_words(errno))}};
}

fs::path find_tool(const Tool& tool) {
    return find_in_path(tool.names);
}

std::vector<config::Diagnostic> run_tool(const Tool& tool, const std::vector<std::string>& arguments,
                                         const Scratch& scratch) {
    const fs::path program = find_in_path(tool.names);
    if (program.empty()) {
        auto d = error("build.tool-missing", "`" + tool.names.front() + "` is needed and not installed");
        d.help = "install it: `apt install " + tool.package + "`";
        return {std::move(d)};
    }

    std::vector<std::string> words = {program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    // Nobody's locale, time zone or rc files may show in the bytes; SOURCE_DATE_EPOCH is 2026-01-01.
    std::vector<std::string> environment = {
        "PATH=/usr/bin:/bin",
        "LC_ALL=C",
        "TZ=UTC0",
        "SOURCE_DATE_EPOCH=1767225600",
        "MTOOLSRC=/dev/null",
        "MTOOLS_SKIP_CHECK=0",
        "HOME=" + scratch.path().string(),
        "TMPDIR=" + scratch.path().string(),
    };
    std::vector<char*> argv;
    std::vector<char*> envp;
    argv.reserve(words.size() + 1);
    envp.reserve(environment.size() + 1);
    for (auto& word : words)
        argv.push_back(word.data());
    for (auto& setting : environment)
        envp.push_back(setting.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);

    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return {error("build.tool-failed", "cannot run `" + program.string() + "`: " + config::system_words(errno))};
    Fd read_end(ends[0]);
    Fd write_end(ends[1]);

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), 2);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none); // the caller may wait for signals in a thread of its own
    ::posix_spawnattr_setpgroup(&attributes, 0);      // and so Ctrl-C is for the caller alone
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    pid_t pid = -1;
    int failure = 0;
    {
        const std::lock_guard lock(live().mutex);
        failure = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), envp.data());
        if (failure == 0)
            live().tools.insert(pid);
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    write_end.close();
    if (failure != 0)
        return {error("build.tool-failed", "cannot run `" + program.string() + "`: " + config::system_words(failure))};

    std::string said;
    char buffer[4096];
    for (;;) {
        const auto n = ::read(read_end.get(), buffer, sizeof buffer);
        if (n > 0 && said.size() < 65536)
            said.append(buffer, static_cast<std::size_t>(n));
        else if (n == 0 || (n < 0 && errno != EINTR))
            break;
    }
    int status = 0;
    {
        // Reaped under the mutex, so that abandon_scratch() never signals a process id that is someone else's by now.
        siginfo_t info;
        while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
            continue;
        const std::lock_guard lock(live().mutex);
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        live().tools.erase(pid);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    const std::string how = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                              : "signal " + std::to_string(WTERMSIG(status));
    auto d = error("build.tool-failed", "`" + program.filename().string() + "` failed with " + how);
    d.notes = last_lines(said, 5);
    return {std::move(d)};
}

void abandon_scratch() {
    live().mutex.lock(); // never unlocked: the program is about to exit
    for (const pid_t pid : live().tools)
        ::kill(pid, SIGKILL);
    for (const pid_t pid : live().tools)
        ::waitpid(pid, nullptr, 0);
    std::error_code ec;
    for (const auto& folder : live().folders)
        fs::remove_all(folder, ec);
}

} // namespace septum::build
