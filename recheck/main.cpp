// SPDX-License-Identifier: Apache-2.0
// septum-recheck IMAGE CERTIFICATE: checks a certificate against its image again. It shares no code with what wrote
// either, and asks no solver: whoever doubts the verifier reads these few files instead.
#include "recheck/claims.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <new>
#include <optional>

namespace septum::recheck {

namespace {

enum ExitCode : int { kAgrees = 0, kUnreadable = 1, kDiffers = 2, kUsage = 64 };

constexpr const char* kHelp =
    "usage: septum-recheck IMAGE CERTIFICATE [--appliance FILE] [--board FILE] [--tool FILE]\n"
    "                      [--kernel FILE --bundle FILE]\n"
    "\n"
    "Decodes IMAGE anew and checks that it grants exactly what CERTIFICATE lists, that nothing listed is shared but\n"
    "channels, that the kernel's memory is out of reach, and that all digests hold: with the files, theirs too.\n"
    "It reads ISO images; of a disk or an archive --kernel and --bundle are the two files that were taken out of it.\n"
    "Exit code: 0 agrees, 1 cannot be read, 2 differs, 64 usage.\n";

// No image is larger: what it holds is counted in 32 bits.
constexpr std::streamoff kLargest = 4LL << 30;

std::vector<std::uint8_t> read(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) // a folder, or a pipe that nobody writes to
        throw Unreadable("cannot read `" + path + "`: no such file");
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : -1;
    if (size < 0 || size > kLargest)
        throw Unreadable("cannot read `" + path + "`, or it is larger than 4 GiB");
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
    in.seekg(0);
    if (!in.read(reinterpret_cast<char*>(bytes.data()), size))
        throw Unreadable("cannot read `" + path + "`");
    return bytes;
}

void check_file(const std::string& path, const std::optional<std::string>& expected, const char* what) {
    if (path.empty())
        return;
    if (!expected)
        throw Differs(std::string("the certificate names no ") + what);
    if (const std::string found = sha256(read(path)); found != *expected) {
        throw Differs("`" + path + "` is not the " + what + " of the certificate: expected SHA-256 " + *expected +
                      ", found " + found);
    }
}

struct Arguments {
    std::vector<std::string> files;
    std::map<std::string, std::string> options = {
        {"--appliance", ""}, {"--board", ""}, {"--tool", ""}, {"--kernel", ""}, {"--bundle", ""}};
};

// Nothing when the usage is wrong.
std::optional<Arguments> parse(const std::vector<std::string>& words) {
    Arguments out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (const auto option = out.options.find(words[i]); option != out.options.end()) {
            if (++i == words.size())
                return std::nullopt;
            option->second = words[i];
        } else if (words[i].starts_with("-")) {
            return std::nullopt;
        } else {
            out.files.push_back(words[i]);
        }
    }
    const bool parts = out.options["--kernel"].empty() == out.options["--bundle"].empty();
    return out.files.size() == 2 && parts ? std::optional(out) : std::nullopt;
}

void recheck(const Arguments& arguments) {
    const auto certificate_bytes = read(arguments.files[1]);
    const Certificate certificate = read_certificate(certificate_bytes);
    const auto part = [](const std::string& path) { return path.empty() ? std::vector<std::uint8_t>() : read(path); };
    const auto kernel = part(arguments.options.at("--kernel"));
    const auto bundle = part(arguments.options.at("--bundle"));
    const Image image = read_image(read(arguments.files[0]), kernel, bundle); // what is no image at all is not compared
    compare(certificate.claims, image.claims);
    check_separation(image);
    check_file(arguments.options.at("--appliance"), certificate.appliance_digest, "appliance file");
    check_file(arguments.options.at("--board"), certificate.board_digest, "board file");
    check_file(arguments.options.at("--tool"), certificate.tool_digest, "tool");
    std::size_t runs = 0;
    for (const Partition& partition : image.claims.partitions)
        runs += partition.memory.size();
    std::cout << "the certificate holds: " << image.claims.partitions.size() << " partitions, " << runs
              << " memory grants, " << image.claims.channels.size() << " channels, " << certificate.properties
              << " properties, " << certificate.proved << " of them proved\n";
}

int run(const std::vector<std::string>& words) {
    if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h")) {
        std::cout << kHelp;
        return kAgrees;
    }
    const auto arguments = parse(words);
    if (!arguments) {
        std::cerr << kHelp;
        return kUsage;
    }
    try {
        recheck(*arguments);
        return kAgrees;
    } catch (const Differs& e) {
        std::cerr << "error: " << e.what() << '\n';
        return kDiffers;
    } catch (const Unreadable& e) {
        std::cerr << "error: " << e.what() << '\n';
    } catch (const std::bad_alloc&) {
        std::cerr << "error: not enough memory\n";
    }
    return kUnreadable;
}

} // namespace

} // namespace septum::recheck

int main(int argc, char** argv) {
    return septum::recheck::run({argv + 1, argv + argc});
}
