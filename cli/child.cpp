// SPDX-License-Identifier: Apache-2.0
#include "cli/child.hpp"

#include "cli/problem.hpp"
#include "config/system_words.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace septum::cli {
namespace {

config::Diagnostic cannot_run(const std::string& program, int number) {
    return problem("child", "cannot run `" + program + "`: " + config::system_words(number));
}

// Between fork and exec: only what is async-signal-safe.
[[noreturn]] void become(char* const* argv, int output, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // if septum itself is killed and can clean up nothing
    if (::getppid() != parent)
        ::_exit(127);
    ::setpgid(0, 0); // Ctrl-C is for septum, which then ends its children
    forget_interrupts_in_child();
    const int null = ::open("/dev/null", O_RDONLY);
    if (null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0)
        ::execv(argv[0], argv);
    ::_exit(127);
}

} // namespace

Child::Child(pid_t pid, int output, Undo undo) : pid_(pid), output_(output), undo_(std::move(undo)) {}

Child::Child(Child&& other) noexcept
    : pid_(other.pid_), output_(other.output_), code_(other.code_), undo_(std::move(other.undo_)) {
    other.pid_ = -1;
    other.output_ = -1;
}

Child::~Child() {
    stop();
    if (output_ >= 0)
        ::close(output_);
}

config::Outcome<Child> Child::start(const std::vector<std::string>& words) {
    std::vector<std::string> copy = words;
    std::vector<char*> argv;
    for (auto& word : copy)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::access(words[0].c_str(), X_OK) != 0 || ::pipe2(ends, O_CLOEXEC) != 0)
        return {std::nullopt, {cannot_run(words[0], errno)}};
    const pid_t parent = ::getpid();
    pid_t pid = -1;
    int failure = 0;
    Undo undo([&]() -> std::function<void()> {
        pid = ::fork();
        if (pid == 0)
            become(argv.data(), ends[1], parent);
        failure = errno;
        if (pid < 0)
            return nullptr;
        return [pid] { ::kill(pid, SIGKILL); };
    });
    ::close(ends[1]);
    if (pid < 0) {
        ::close(ends[0]);
        return {std::nullopt, {cannot_run(words[0], failure)}};
    }
    return {Child(pid, ends[0], std::move(undo)), {}};
}

int Child::wait() {
    if (pid_ < 0)
        return code_;
    siginfo_t info;
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
    // Reaped in one step with forgetting it: an interrupt must not signal a process id that is someone else's by now.
    int status = 0;
    const auto reap = [&] {
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR)
            continue;
    };
    undo_.dismiss(reap);
    pid_ = -1;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_;
}

void Child::stop() {
    if (pid_ < 0)
        return;
    ::kill(pid_, SIGKILL); // not reaped yet, so still ours; QEMU comments on every gentler signal
    (void)wait();
}

std::string output_of(const std::vector<std::string>& words) {
    auto child = Child::start(words);
    std::string said;
    if (!child.ok())
        return said;
    char buffer[1024];
    for (;;) {
        const auto n = ::read(child.value->output(), buffer, sizeof buffer);
        if (n > 0)
            said.append(buffer, static_cast<std::size_t>(n));
        else if (n == 0 || errno != EINTR)
            break;
    }
    return child.value->wait() == 0 ? said : std::string();
}

} // namespace septum::cli
