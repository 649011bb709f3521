// SPDX-License-Identifier: Apache-2.0
#include "cli/files.hpp"

#include "cli/problem.hpp"
#include "config/system_words.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMore = 65536; // bytes a file is read by when its size is not known

config::Diagnostic error(const char* verb, const fs::path& file, const std::string& why) {
    return problem("file", std::string("cannot ") + verb + " `" + file.string() + "`: " + why);
}

fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

constexpr std::size_t kMostNames = 1000; // looked at for a suggestion

// Of what people give to septum, not of what it writes beside it.
bool is_input(const fs::path& file) {
    const auto suffix = file.extension();
    return suffix == ".yaml" || suffix == ".yml" || suffix == ".iso" || suffix == ".img" || suffix == ".tar";
}

// `why` is an errno. What is not there may be misspelt.
config::Diagnostic cannot_read(const fs::path& file, int why) {
    auto diagnostic = error("read", file, config::system_words(why));
    if (why != ENOENT)
        return diagnostic;
    if (file == "-") {
        diagnostic.help = "standard input is read as `/dev/stdin`";
        return diagnostic;
    }
    std::vector<std::string> names;
    std::error_code ec;
    for (fs::directory_iterator it(folder_of(file), ec), end; !ec && it != end; it.increment(ec))
        if (names.size() < kMostNames && is_input(it->path()) && !it->is_directory(ec))
            names.push_back(it->path().filename().string());
    std::sort(names.begin(), names.end());
    const auto near = config::nearest(file.filename().string(), {names.begin(), names.end()});
    if (!near.empty())
        diagnostic.help = "did you mean `" + (file.parent_path() / near).string() + "`?";
    return diagnostic;
}

bool write_all(int fd, std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n > 0)
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        else if (n == 0 || errno != EINTR)
            return false;
    }
    return true;
}

// A rename is on the disk when its folder is. A file system that cannot sync a folder has nothing to add.
void sync_folder(const fs::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    ::fsync(fd);
    ::close(fd);
}

// No image is larger: what it holds is counted in 32 bits.
constexpr std::uint64_t kLargestFile = 4ULL << 30;
// From a pipe or a device come lists of ids, and /dev/zero has no end.
constexpr std::uint64_t kLargestStream = 16ULL << 20;
constexpr int kPatience = 8000; // milliseconds that a pipe may be silent

// Reads on until the end; empty when all is read, else why not.
std::string read_all(int fd, const struct stat& st, Bytes& bytes) {
    const bool regular = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
    const std::uint64_t limit = regular ? kLargestFile : kLargestStream;
    const char* const too_large = regular ? "it is larger than 4 GiB, the most that an image may be"
                                          : "it is no regular file and gives more than 16 MiB";
    if (S_ISREG(st.st_mode)) {
        if (static_cast<std::uint64_t>(st.st_size) > limit)
            return too_large;
        bytes.reserve(static_cast<std::size_t>(st.st_size) + kMore); // and once more than that, to see the end
    }
    for (;;) {
        const auto at = bytes.size();
        if (at > limit)
            return too_large;
        bytes.resize(std::max(bytes.capacity(), at + kMore));
        const auto n = ::read(fd, bytes.data() + at, bytes.size() - at);
        const int why = errno;
        bytes.resize(at + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n == 0)
            return {};
        if (n < 0 && why == EAGAIN) {
            pollfd waiting = {fd, POLLIN, 0};
            if (::poll(&waiting, 1, kPatience) == 0)
                return "it is no regular file and gives nothing for " + std::to_string(kPatience / 1000) + " seconds";
        } else if (n < 0 && why != EINTR) {
            return config::system_words(why);
        }
    }
}

mode_t usual_mode() {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    return 0666 & ~mask;
}

} // namespace

std::span<const std::uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

config::Outcome<Bytes> read_file(const fs::path& file) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe that nobody writes to has ended
    if (fd < 0)
        return {std::nullopt, {cannot_read(file, errno)}};
    struct stat st = {};
    Bytes bytes;
    const std::string failure = ::fstat(fd, &st) == 0 ? read_all(fd, st, bytes) : config::system_words(errno);
    ::close(fd);
    if (!failure.empty())
        return {std::nullopt, {error("read", file, failure)}};
    return {std::move(bytes), {}};
}

std::vector<config::Diagnostic> check_readable(const fs::path& file) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return {cannot_read(file, errno)};
    struct stat st = {};
    const bool folder = ::fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    ::close(fd);
    if (folder)
        return {error("read", file, config::system_words(EISDIR))};
    return {};
}

config::Outcome<PendingFile> PendingFile::make(const fs::path& file) {
    struct stat st = {};
    if (file.empty())
        return {std::nullopt, {error("write", file, config::system_words(ENOENT))}};
    if (::stat(file.c_str(), &st) == 0 && !S_ISREG(st.st_mode)) {
        // A pipe that nobody reads is an error at once, and not something to wait for.
        const int fd =
            S_ISDIR(st.st_mode) ? (errno = EISDIR, -1) : ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || ::fcntl(fd, F_SETFL, O_WRONLY) != 0)
            return {std::nullopt, {error("write", file, config::system_words(errno))}};
        return {PendingFile(file, {}, fd, Undo([] { return nullptr; })), {}};
    }
    std::error_code ec;
    fs::path target = fs::weakly_canonical(file, ec);
    if (ec)
        target = file;
    std::string name = (folder_of(target) / ("." + target.filename().string() + ".septum-XXXXXX")).string();
    int fd = -1;
    Undo undo([&]() -> std::function<void()> {
        fd = ::mkostemp(name.data(), O_CLOEXEC);
        if (fd < 0)
            return nullptr;
        return [name] { ::unlink(name.c_str()); };
    });
    if (fd < 0)
        return {std::nullopt, {error("write", file, config::system_words(errno))}};
    return {PendingFile(file, name, fd, std::move(undo)), {}};
}

PendingFile::PendingFile(fs::path name, fs::path temporary, int fd, Undo undo)
    : name_(std::move(name)), temporary_(std::move(temporary)), fd_(fd), undo_(std::move(undo)) {
    std::error_code ec;
    target_ = fs::weakly_canonical(name_, ec);
    if (ec)
        target_ = name_;
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : name_(std::move(other.name_)), target_(std::move(other.target_)), temporary_(std::move(other.temporary_)),
      fd_(other.fd_), undo_(std::move(other.undo_)) {
    other.fd_ = -1;
    other.temporary_.clear();
}

PendingFile::~PendingFile() {
    if (fd_ >= 0)
        ::close(fd_);
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
}

std::vector<config::Diagnostic> PendingFile::commit(std::span<const std::uint8_t> bytes) {
    const bool in_place = temporary_.empty();
    bool good = write_all(fd_, bytes);
    if (good && !in_place)
        good = ::fchmod(fd_, usual_mode()) == 0 && ::fsync(fd_) == 0;
    const int failure = errno;
    if (::close(fd_) != 0 && good)
        good = false;
    fd_ = -1;
    if (!good)
        return {error("write", name_, config::system_words(failure))};
    if (in_place)
        return {};
    int renamed = 0;
    undo_.dismiss([&] { renamed = ::rename(temporary_.c_str(), target_.c_str()) == 0 ? 0 : errno; });
    if (renamed != 0)
        return {error("write", name_, config::system_words(renamed))};
    temporary_.clear();
    sync_folder(folder_of(target_));
    return {};
}

std::vector<config::Diagnostic> PendingFile::commit(const std::string& text) {
    return commit(bytes_of(text));
}

} // namespace septum::cli
