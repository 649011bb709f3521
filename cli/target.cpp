// SPDX-License-Identifier: Apache-2.0
#include "cli/target.hpp"

#include "build/image/tar.hpp"
#include "cli/problem.hpp"
#include "config/system_words.hpp"
#include "verifier/facts/facts.hpp"

#include <algorithm>
#include <array>
#include <fstream>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

struct Kind {
    Target target;
    std::string_view name;
    const char* suffix;
};

constexpr std::array<Kind, 3> kKinds = {
    {{Target::iso, "iso", ".iso"}, {Target::disk, "disk", ".img"}, {Target::netboot, "netboot", ".tar"}}};

bool is_netboot_folder(const fs::path& folder) {
    std::error_code ec;
    return fs::is_directory(folder, ec) && fs::exists(folder / "septum.elf", ec) &&
           fs::exists(folder / "appliance.sep", ec);
}

config::Outcome<Bytes> pack(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code ec;
    for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
        std::error_code unknown;
        if (it->symlink_status(unknown).type() != fs::file_type::regular ||
            it->path().filename().string().size() > 99) {
            return {std::nullopt,
                    {problem("image", "`" + it->path().string() +
                                          "` is not a plain file: a folder to boot from has no others")}};
        }
        names.push_back(it->path().filename().string());
    }
    if (ec)
        return {std::nullopt,
                {problem("file", "cannot read `" + folder.string() + "`: " + config::system_words(ec.value()))}};
    std::sort(names.begin(), names.end());
    std::vector<Bytes> contents;
    for (const auto& name : names) {
        auto bytes = read_file(folder / name);
        if (!bytes.ok())
            return bytes;
        contents.push_back(std::move(*bytes.value));
    }
    std::vector<build::TarEntry> entries;
    for (std::size_t i = 0; i < names.size(); ++i)
        entries.push_back({names[i], contents[i]});
    return {build::make_tar(entries), {}};
}

} // namespace

std::vector<std::string_view> target_names() {
    std::vector<std::string_view> names;
    for (const Kind& kind : kKinds)
        names.push_back(kind.name);
    return names;
}

std::string_view name(Target target) {
    return std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.target == target; })->name;
}

config::Outcome<std::vector<Target>> targets_of(const std::vector<std::string>& words, const fs::path& output) {
    std::vector<Target> targets;
    for (const auto& word : words)
        for (std::size_t at = 0; at <= word.size();) {
            const auto end = std::min(word.find(',', at), word.size());
            const std::string one = word.substr(at, end - at);
            at = end + 1;
            const auto kind =
                std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& each) { return each.name == one; });
            if (kind == kKinds.end()) {
                config::Diagnostic d;
                d.message = "`--target` is `iso`, `disk` or `netboot`, not `" + one + "`";
                if (const auto near = config::nearest(one, target_names()); !near.empty())
                    d.help = "did you mean `" + std::string(near) + "`?";
                return {std::nullopt, {std::move(d)}};
            }
            if (std::find(targets.begin(), targets.end(), kind->target) == targets.end())
                targets.push_back(kind->target);
        }
    if (targets.empty()) {
        const auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                                       [&](const Kind& each) { return output.extension() == each.suffix; });
        targets.push_back(kind == kKinds.end() ? Target::iso : kind->target);
    }
    return {std::move(targets), {}};
}

std::string output_for(const std::string& output, Target target, const std::vector<Target>& all) {
    if (all.size() == 1)
        return output;
    fs::path stem = output;
    if (named_like_image(stem))
        stem.replace_extension();
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.target == target; });
    return stem.string() + kind->suffix;
}

std::optional<Target> target_of_image(const fs::path& file) {
    if (is_netboot_folder(file))
        return Target::netboot;
    std::error_code ec;
    if (const auto type = fs::status(file, ec).type(); type != fs::file_type::regular && type != fs::file_type::block)
        return std::nullopt; // a pipe would wait for somebody
    std::array<std::uint8_t, verifier::kEnoughToLook> first{};
    std::ifstream in(file, std::ios::binary);
    in.read(reinterpret_cast<char*>(first.data()), static_cast<std::streamsize>(first.size()));
    const auto kind =
        verifier::kind_of_image({first.data(), static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0))});
    if (!kind)
        return std::nullopt;
    return *kind == verifier::ImageKind::disk      ? Target::disk
           : *kind == verifier::ImageKind::netboot ? Target::netboot
                                                   : Target::iso;
}

bool looks_like_image(const fs::path& file) {
    return target_of_image(file).has_value();
}

bool named_like_image(const fs::path& file) {
    return std::any_of(kKinds.begin(), kKinds.end(), [&](const Kind& each) { return file.extension() == each.suffix; });
}

config::Outcome<Bytes> read_image_file(const fs::path& file) {
    return is_netboot_folder(file) ? pack(file) : read_file(file);
}

} // namespace septum::cli
