// SPDX-License-Identifier: Apache-2.0
#include "build/build.hpp"

#include "config/system_words.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <system_error>

namespace septum::build {
namespace {

namespace fs = std::filesystem;

// Offsets in the bundle are 32 bits wide.
constexpr std::uintmax_t kLargestPayload = 0xFFFF'FFFF;

config::Diagnostic payload_error(const config::Spanned<std::string>& path, std::string id, std::string message) {
    config::Diagnostic d;
    d.id = std::move(id);
    d.message = "`" + path.value + "` " + std::move(message);
    d.primary = path.span;
    return d;
}

bool read_file(const fs::path& path, Bytes& bytes, std::string& why) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) {
        why = config::system_words(error.value());
        return false;
    }
    if (size > kLargestPayload) {
        why = "it has " + std::to_string(size) + " bytes, expected less than 4 GiB";
        return false;
    }
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (file == nullptr) {
        why = config::system_words(errno);
        return false;
    }
    bytes.resize(size);
    const std::size_t got = bytes.empty() ? 0 : std::fread(bytes.data(), 1, bytes.size(), file.get());
    if (got != bytes.size()) {
        why = "read " + std::to_string(got) + " of " + std::to_string(size) + " bytes";
        return false;
    }
    return true;
}

constexpr std::size_t kMostNames = 1000; // looked at for a suggestion

// The name of a file beside one of `wanted` that is nearly called so; empty when there is none.
std::string named_alike(const std::vector<fs::path>& wanted) {
    std::vector<std::string> names;
    for (const auto& path : wanted) {
        std::error_code error;
        const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
        for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
            if (names.size() < kMostNames && it->is_regular_file(error)) {
                names.push_back(it->path().filename().string());
            }
        }
    }
    std::sort(names.begin(), names.end());
    return std::string(config::nearest(wanted.front().filename().string(), {names.begin(), names.end()}));
}

using Failed = std::map<std::string, std::size_t>; // path → the diagnostic that says why

void read_payload(const config::Model& model, const config::Spanned<std::string>& path,
                  const std::vector<fs::path>& extra_dirs, config::Outcome<std::vector<PayloadFile>>& outcome,
                  std::vector<PayloadFile>& files, Failed& failed) {
    const auto same = [&](const PayloadFile& file) { return file.path == path.value; };
    if (std::any_of(files.begin(), files.end(), same)) {
        return;
    }
    const auto [known, fresh] = failed.try_emplace(path.value, outcome.diagnostics.size());
    if (!fresh) {
        outcome.diagnostics[known->second].related.push_back({path.span, "named here, too"});
        return;
    }
    std::vector<fs::path> candidates;
    if (fs::path(path.value).is_absolute()) {
        candidates.emplace_back(path.value);
    } else {
        candidates.push_back(model.directory / path.value);
        for (const auto& dir : extra_dirs) {
            candidates.push_back(dir / path.value);
        }
    }
    for (const auto& candidate : candidates) {
        std::error_code error;
        const auto status = fs::status(candidate, error);
        if (!fs::exists(status)) {
            continue;
        }
        if (!fs::is_regular_file(status)) {
            outcome.diagnostics.push_back(
                payload_error(path, "payload.unreadable",
                              fs::is_directory(status) ? "is a folder, expected a file" : "is not a regular file"));
            return;
        }
        PayloadFile file;
        file.path = path.value;
        std::string why;
        if (!read_file(candidate, file.bytes, why)) {
            outcome.diagnostics.push_back(payload_error(path, "payload.unreadable", "cannot be read: " + why));
            return;
        }
        files.push_back(std::move(file));
        failed.erase(known);
        return;
    }
    config::Diagnostic d = payload_error(path, "payload.missing", "does not exist");
    d.label = "no such file";
    for (const auto& candidate : candidates) {
        d.notes.push_back("looked for " + candidate.lexically_normal().string());
    }
    const auto meant = named_alike(candidates);
    d.help = meant.empty() ? "put it beside the appliance file, or name its folder with `--payloads`"
                           : "did you mean `" + (fs::path(path.value).parent_path() / meant).string() + "`?";
    outcome.diagnostics.push_back(std::move(d));
}

} // namespace

config::Outcome<std::vector<PayloadFile>> read_payloads(const config::Model& model,
                                                        const std::vector<fs::path>& extra_dirs) {
    config::Outcome<std::vector<PayloadFile>> outcome;
    std::vector<PayloadFile> files;
    Failed failed;
    for (const auto& partition : model.partitions) {
        read_payload(model, partition.boot.image, extra_dirs, outcome, files, failed);
        if (partition.boot.initrd) {
            read_payload(model, *partition.boot.initrd, extra_dirs, outcome, files, failed);
        }
    }
    if (outcome.diagnostics.empty()) {
        outcome.value = std::move(files);
    }
    return outcome;
}

} // namespace septum::build
