// SPDX-License-Identifier: Apache-2.0
#include "cli/earlier.hpp"

#include "build/image/tools.hpp"
#include "cli/digest.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHead = "septum-earlier 1";

// Empty when there is no place for it.
fs::path cache_folder() {
    if (const char* const cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
        return fs::path(cache) / "septum";
    if (const char* const home = std::getenv("HOME"); home != nullptr && *home == '/')
        return fs::path(home) / ".cache" / "septum";
    return {};
}

fs::path record_of(const fs::path& image) {
    const auto folder = cache_folder();
    std::error_code failed;
    const auto whole = fs::weakly_canonical(fs::absolute(image), failed);
    if (folder.empty() || failed)
        return {};
    return folder / (sha256(bytes_of(whole.string())) + ".earlier");
}

// The page with the manifest's header, which has the digest of all the rest of the bundle.
std::span<const std::uint8_t> bundle_head(const build::Bytes& bundle) {
    constexpr std::size_t kPage = 4096;
    return std::span(bundle).first(std::min(bundle.size(), kPage));
}

// Ours, and nobody else may write to it.
bool is_own(const fs::path& file) {
    struct stat st = {};
    return ::stat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == ::geteuid() &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::string digest_of_tools() {
    auto files = build::made_with();
    files.emplace_back("/proc/self/exe");
    std::string all;
    for (const auto& file : files) {
        const std::string digest = sha256_of_file(file);
        if (digest.empty())
            return {};
        all += digest + " " + file.string() + "\n";
    }
    return sha256(bytes_of(all));
}

} // namespace

std::shared_future<std::string> begin_digest_of_tools() {
    return std::async(std::launch::async, digest_of_tools).share();
}

std::string digest_of_inputs(const std::string& tools, const Bytes& kernel, const build::Bytes& bundle,
                             const std::string& volume, Target target) {
    if (tools.empty())
        return {};
    return sha256(bytes_of(std::string(kHead) + "\ntools " + tools + "\ntarget " + std::string(name(target)) +
                           "\nvolume " + volume + "\nkernel " + sha256(kernel) + "\nbundle " +
                           std::to_string(bundle.size()) + " " + sha256(bundle_head(bundle)) + "\n"));
}

std::optional<Earlier> recall(const fs::path& image) {
    const auto record = record_of(image);
    std::error_code failed;
    if (record.empty() || !is_own(record) || !fs::is_regular_file(image, failed))
        return std::nullopt;
    const auto bytes = read_file(record);
    if (!bytes.ok())
        return std::nullopt;
    std::istringstream text(std::string(bytes.value->begin(), bytes.value->end()));
    std::string head;
    Earlier earlier;
    std::getline(text, head);
    text >> earlier.inputs >> earlier.image;
    if (head != kHead || earlier.inputs.size() != 64 || earlier.image.size() != 64)
        return std::nullopt;
    return earlier;
}

void remember(const fs::path& image, const Earlier& earlier) {
    const auto record = record_of(image);
    std::error_code failed;
    if (record.empty() || earlier.inputs.empty() || !fs::is_regular_file(image, failed))
        return;
    fs::create_directories(record.parent_path(), failed);
    auto file = PendingFile::make(record);
    if (file.ok())
        (void)file.value->commit(std::string(kHead) + "\n" + earlier.inputs + "\n" + earlier.image + "\n");
}

} // namespace septum::cli
