// SPDX-License-Identifier: Apache-2.0
#include "cli/evidence.hpp"

#include "cli/problem.hpp"
#include "cli/version.hpp"
#include "config/system_words.hpp"
#include "verifier/certificate.hpp"

#include <openssl/sha.h>

#include <fmt/format.h>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

verifier::Sha256Digest digest_of(std::span<const std::uint8_t> bytes) {
    verifier::Sha256Digest out{};
    SHA256(bytes.data(), bytes.size(), out.data());
    return out;
}

std::vector<config::Diagnostic> write(const fs::path& file, const std::string& text) {
    auto pending = PendingFile::make(file);
    return pending.ok() ? pending.value->commit(text) : std::move(pending.diagnostics);
}

// Letters, digits, dots and dashes of `text`; a run of others is one dash.
std::string as_file_name(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
        if (plain)
            out += c;
        else if (!out.empty() && out.back() != '-')
            out += '-';
    }
    return out;
}

} // namespace

std::vector<config::Diagnostic> write_certificate(const Terminal& terminal, const Answer& answer,
                                                  std::size_t input_files, std::span<const std::uint8_t> image,
                                                  const std::string& file) {
    if (!answer.report || !answer.report->proved()) {
        terminal.say("no certificate is written: it would certify nothing");
        return {};
    }
    const auto tool = read_file("/proc/self/exe");
    const auto grants = verifier::read_grants(image);
    if (!tool.ok())
        return tool.diagnostics;
    if (!grants.ok())
        return grants.diagnostics;
    verifier::CertificateInputs inputs;
    inputs.tool = std::string("septum ") + kVersion;
    inputs.tool_digest = digest_of(*tool.value);
    const auto& files = answer.sources.files;
    if (input_files > 0)
        inputs.appliance_digest = digest_of(bytes_of(files[0].text));
    if (input_files > 1)
        inputs.board_digest = digest_of(bytes_of(files[1].text));
    const auto text = verifier::certificate(*answer.report, *grants.value, inputs);
    if (!text)
        return {problem("file", "the image changed while it was proved", "prove it again")};
    auto failed = write(file, *text);
    if (failed.empty())
        terminal.say("wrote `" + file + "`");
    return failed;
}

std::vector<config::Diagnostic> write_obligations(const Terminal& terminal,
                                                  const std::vector<verifier::Obligation>& obligations,
                                                  const std::string& folder) {
    std::error_code ec;
    fs::create_directories(folder, ec);
    if (ec)
        return {problem("file", "cannot make the folder `" + folder + "`: " + config::system_words(ec.value()))};
    if (!fs::is_empty(folder, ec) || ec)
        return {problem("file", "the folder `" + folder + "` is not empty",
                        "name a new one: every file in it is to be a question")};
    std::size_t number = 0;
    for (const auto& obligation : obligations) {
        const auto name = fmt::format("{:04}-{}.smt2", ++number, as_file_name(obligation.query));
        if (auto failed = write(fs::path(folder) / name, obligation.smt_lib); !failed.empty())
            return failed;
    }
    terminal.say(fmt::format("wrote {} questions to `{}`", number, folder));
    return {};
}

} // namespace septum::cli
