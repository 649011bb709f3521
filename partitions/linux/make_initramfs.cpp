// SPDX-License-Identifier: Apache-2.0
// make-initramfs OUTPUT ENTRY…: writes a cpio archive in the "newc" form that Linux unpacks at boot (Linux
// Documentation/driver-api/early-userspace/buffer-format.rst). Everything belongs to root and has no time, so the same
// input gives the same bytes. Entries, in the order given:
//   dir:PATH  file:MODE:PATH=SOURCE  link:PATH=TARGET  char:MODE:MAJOR:MINOR:PATH
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace {

constexpr unsigned kDirectory = 0040000; // S_IFDIR …
constexpr unsigned kRegular = 0100000;
constexpr unsigned kLink = 0120000;
constexpr unsigned kCharacter = 0020000;

struct Entry {
    std::string path;
    unsigned mode = 0;
    unsigned major = 0;
    unsigned minor = 0;
    std::string data;
};

class Archive {
public:
    void add(const Entry& entry) {
        ++inode_;
        bytes_ += "070701";
        const std::size_t links = (entry.mode & kDirectory) != 0 && (entry.mode & kRegular) == 0 ? 2 : 1;
        for (const std::size_t field :
             {inode_, std::size_t{entry.mode}, std::size_t{0}, std::size_t{0}, links, std::size_t{0}, entry.data.size(),
              std::size_t{0}, std::size_t{0}, std::size_t{entry.major}, std::size_t{entry.minor}, entry.path.size() + 1,
              std::size_t{0}}) {
            char text[9];
            std::snprintf(text, sizeof(text), "%08zX", field);
            bytes_ += text;
        }
        bytes_ += entry.path;
        bytes_ += '\0';
        pad();
        bytes_ += entry.data;
        pad();
    }

    std::string finish() {
        inode_ = static_cast<std::size_t>(-1); // the trailer has inode 0
        add({"TRAILER!!!", 0, 0, 0, {}});
        while (bytes_.size() % 512 != 0) {
            bytes_ += '\0';
        }
        return bytes_;
    }

private:
    void pad() {
        while (bytes_.size() % 4 != 0) {
            bytes_ += '\0';
        }
    }

    std::string bytes_;
    std::size_t inode_ = 0;
};

// Cuts `text` at the first `mark`: what is before is returned, what is behind stays.
std::string cut(std::string& text, char mark) {
    const std::size_t at = text.find(mark);
    std::string head = text.substr(0, at);
    text = at == std::string::npos ? std::string() : text.substr(at + 1);
    return head;
}

std::optional<unsigned> number(const std::string& text, int base) {
    try {
        std::size_t end = 0;
        const unsigned long value = std::stoul(text, &end, base);
        return end == text.size() && value <= 0xFFFF ? std::optional<unsigned>(static_cast<unsigned>(value))
                                                     : std::nullopt;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::optional<Entry> parse(std::string text) {
    const std::string kind = cut(text, ':');
    Entry entry;
    if (kind == "dir") {
        entry.path = text;
        entry.mode = kDirectory | 0755;
        return entry;
    }
    if (kind == "link") {
        entry.path = cut(text, '=');
        entry.data = text;
        entry.mode = kLink | 0777;
        return entry;
    }
    const auto mode = number(cut(text, ':'), 8);
    if (!mode) {
        return std::nullopt;
    }
    if (kind == "file") {
        entry.path = cut(text, '=');
        entry.mode = kRegular | *mode;
        std::ifstream in(text, std::ios::binary);
        if (!in) {
            std::fprintf(stderr, "make-initramfs: cannot read `%s`\n", text.c_str());
            return std::nullopt;
        }
        entry.data.assign(std::istreambuf_iterator<char>(in), {});
        return entry;
    }
    if (kind == "char") {
        const auto major = number(cut(text, ':'), 10);
        const auto minor = number(cut(text, ':'), 10);
        if (major && minor) {
            entry.path = text;
            entry.mode = kCharacter | *mode;
            entry.major = *major;
            entry.minor = *minor;
            return entry;
        }
    }
    return std::nullopt;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: make-initramfs OUTPUT ENTRY...\n", stderr);
        return 64;
    }
    Archive archive;
    for (int i = 2; i < argc; ++i) {
        const auto entry = parse(argv[i]);
        if (!entry || entry->path.empty()) {
            std::fprintf(stderr, "make-initramfs: cannot make sense of `%s`\n", argv[i]);
            return 1;
        }
        archive.add(*entry);
    }
    std::ofstream out(argv[1], std::ios::binary);
    const std::string bytes = archive.finish();
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) {
        std::fprintf(stderr, "make-initramfs: cannot write `%s`\n", argv[1]);
        return 1;
    }
    return 0;
}
