// SPDX-License-Identifier: Apache-2.0
#include "cli/appliance.hpp"

#include "build/image/disk.hpp"
#include "build/image/netboot.hpp"
#include "cli/digest.hpp"
#include "cli/earlier.hpp"
#include "cli/foreign.hpp"
#include "cli/places.hpp"
#include "cli/problem.hpp"

#include <algorithm>
#include <tuple>

namespace septum::cli {
namespace {

namespace fs = std::filesystem;

config::Diagnostic failure(std::string message, std::string help = {}) {
    return problem("file", std::move(message), std::move(help));
}

} // namespace

void ApplianceOptions::declare(CLI::App& app, bool with_payloads) {
    app.add_option("-b,--board", board, "a board's name or file, instead of the one the appliance names")
        ->type_name("BOARD")
        ->take_last();
    app.add_option("--boards", boards, "a folder with board files; may be repeated")
        ->type_name("DIR")
        ->allow_extra_args(false);
    if (!with_payloads)
        return;
    app.add_option("-p,--payloads", payloads, "a folder with payloads; may be repeated")
        ->type_name("DIR")
        ->allow_extra_args(false);
    app.add_option("-k,--kernel", kernel, "septum's kernel (default: the one it came with)")
        ->type_name("ELF")
        ->take_last();
}

config::LoadOptions ApplianceOptions::load_options() const {
    config::LoadOptions options;
    options.board = board;
    options.board_dirs.assign(boards.begin(), boards.end());
    const auto defaults = default_board_folders();
    options.board_dirs.insert(options.board_dirs.end(), defaults.begin(), defaults.end());
    return options;
}

std::vector<fs::path> ApplianceOptions::payload_folders() const {
    std::vector<fs::path> folders(payloads.begin(), payloads.end());
    const auto defaults = default_payload_folders();
    folders.insert(folders.end(), defaults.begin(), defaults.end());
    return folders;
}

config::Outcome<Bytes> read_kernel(const ApplianceOptions& options) {
    auto bytes = read_file(options.kernel.empty() ? default_kernel() : fs::path(options.kernel));
    if (!bytes.ok()) {
        bytes.diagnostics.front().notes.push_back("this is septum's own kernel");
        bytes.diagnostics.front().help = "build septum whole, or say where the kernel is with `--kernel`";
    }
    return bytes;
}

Appliance::Appliance(std::string command, const Terminal& terminal, const ApplianceOptions& options,
                     verifier::Options verifier_options)
    : terminal_(terminal), options_(options), verifier_options_(std::move(verifier_options)) {
    answer_.command = std::move(command);
    answer_.appliance = options.file;
}

bool Appliance::add(std::vector<config::Diagnostic> diagnostics) {
    const bool good = std::none_of(diagnostics.begin(), diagnostics.end(),
                                   [](const auto& d) { return d.severity == config::Severity::error; });
    answer_.diagnostics.insert(answer_.diagnostics.end(), std::make_move_iterator(diagnostics.begin()),
                               std::make_move_iterator(diagnostics.end()));
    return good;
}

bool Appliance::judge(verifier::Report report) {
    answer_.report = std::move(report);
    return answer_.report->proved();
}

bool Appliance::load() {
    if (!add(check_readable(options_.file)))
        return false;
    if (looks_like_image(options_.file))
        return add({failure("`" + options_.file + "` is an image, not an appliance file",
                            "give the YAML file it was built from")});
    if (const auto foreign = foreign_kind(options_.file); !foreign.is.empty())
        return add({failure("`" + options_.file + "` " + foreign.is, foreign.help)});
    for (const auto& folder : options_.boards) {
        std::error_code ec;
        if (!fs::is_directory(folder, ec))
            return add({failure("there is no folder `" + folder + "` for `--boards`")});
    }
    auto loaded = config::load(options_.file, options_.load_options());
    answer_.sources = std::move(loaded.sources);
    model_ = std::move(loaded.model);
    return add(std::move(loaded.diagnostics)) && model_.has_value();
}

bool Appliance::prove_model() {
    terminal_.progress("proving the model");
    return judge(verifier::verify_model(*model_, verifier_options_));
}

bool Appliance::plan() {
    terminal_.progress("planning");
    answer_.report.reset(); // of the model alone: what is about to fail comes after it
    for (const auto& folder : options_.payloads) {
        std::error_code ec;
        if (!fs::is_directory(folder, ec))
            return add({failure("there is no folder `" + folder + "` for `--payloads`")});
    }
    auto kernel = read_kernel(options_);
    if (!kernel.ok())
        return add(std::move(kernel.diagnostics));
    kernel_ = std::move(*kernel.value);
    auto payloads = build::read_payloads(*model_, options_.payload_folders());
    if (!add(std::move(payloads.diagnostics)) || !payloads.ok())
        return false;
    payloads_ = std::move(*payloads.value);
    auto bundle = build::make_bundle(*model_, kernel_, payloads_);
    bundle_ = std::move(bundle.value);
    return add(std::move(bundle.diagnostics)) && bundle_.has_value();
}

bool Appliance::prove_bundle() {
    terminal_.progress("proving the tables");
    return judge(verifier::verify_bundle(*model_, kernel_, bundle_->bytes, verifier_options_));
}

void Appliance::begin_proof(const fs::path& file) {
    auto prove = [file, model = &*model_, inputs = &options_, options = verifier_options_]() mutable {
        Judged judged;
        const auto kernel = read_kernel(*inputs);
        if (!kernel.ok())
            return judged; // plan() says why
        options.kernel = sha256(*kernel.value);
        if (auto bytes = read_file(file); bytes.ok()) {
            judged.image = std::make_shared<const Bytes>(std::move(*bytes.value));
            judged.report = verifier::verify_image(*model, *judged.image, options);
        }
        return judged;
    };
    proofs_.push_back(std::async(std::launch::async, std::move(prove)));
}

bool Appliance::use_proof(std::size_t number, Target target, const std::string& digest) {
    terminal_.progress("proving the image");
    Judged judged = proofs_[number].get();
    if (!judged.image || !judged.report.proved() || hexadecimal(judged.report.image_digest) != digest)
        return false;
    image_ = std::move(judged.image);
    target_ = target;
    return judge(std::move(judged.report));
}

void Appliance::begin_iso() {
    maker_ = build::IsoMaker::begin();
}

config::Outcome<Bytes> Appliance::made_iso() {
    if (!maker_.value && maker_.diagnostics.empty())
        begin_iso();
    auto maker = std::move(maker_);
    maker_ = {};
    if (!maker.ok())
        return {std::nullopt, std::move(maker.diagnostics)};
    return maker.value->finish(kernel_, bundle_->bytes, {.volume = model_->name.value, .uefi = true});
}

bool Appliance::make_image(Target target) {
    terminal_.progress("making the image");
    answer_.report.reset(); // of what came before, as the image is
    image_ = std::make_shared<const Bytes>();
    const std::string& name = model_->name.value;
    auto made = target == Target::disk      ? build::make_disk(kernel_, bundle_->bytes, name)
                : target == Target::netboot ? build::make_netboot(kernel_, bundle_->bytes)
                                            : made_iso();
    target_ = target;
    if (!add(std::move(made.diagnostics)) || !made.ok())
        return false;
    image_ = std::make_shared<const Bytes>(std::move(*made.value));
    return true;
}

void Appliance::use_image(std::string name, Bytes image) {
    answer_.image = std::move(name);
    image_ = std::make_shared<const Bytes>(std::move(image));
}

bool Appliance::prove_image() {
    terminal_.progress("proving the image");
    // The image measures its own kernel; that it is the right one only another copy can tell.
    if (kernel_.empty()) {
        auto kernel = read_kernel(options_);
        if (!kernel.ok())
            return add(std::move(kernel.diagnostics));
        kernel_ = std::move(*kernel.value);
    }
    verifier_options_.kernel = sha256(kernel_);
    return judge(verifier::verify_image(*model_, *image_, verifier_options_));
}

void Appliance::draw() {
    if (!model_)
        return;
    const verifier::ReadOptions options{.physical_address_bits = model_->board.physical_address_bits,
                                        .pages_1g = model_->board.huge_pages_1g};
    config::Outcome<verifier::Facts> facts;
    if (!image_->empty())
        facts = verifier::read_image(*image_, options);
    else if (bundle_ && answer_.report)
        facts = verifier::read_bundle(kernel_, bundle_->bytes, options);
    answer_.overview = make_overview(*model_, facts.ok() ? &*facts.value : nullptr);
}

std::string Appliance::image_digest() const {
    return hexadecimal(answer_.report->image_digest);
}

std::string Appliance::inputs_digest(Target target, const std::string& tools) const {
    return digest_of_inputs(tools, kernel_, bundle_->bytes, model_->name.value, target);
}

Ingredients Appliance::ingredients(const fs::path& name) const {
    Ingredients all{model_->name.value, std::string(cli::name(target_)), name.filename().string(), sha256(*image_), {}};
    for (const auto& payload : payloads_)
        all.parts.push_back({payload.path, "payload", sha256(payload.bytes)});
    all.parts.push_back({"septum.elf", "kernel", sha256(kernel_)});
    if (const auto opened = verifier::open_image(*image_); opened.ok())
        for (const auto& file : verifier::boot_files(*opened.value))
            all.parts.push_back({file.path, "boot", sha256(file.contents)});
    for (const auto& source : answer_.sources.files) // without the folders of this machine
        all.parts.push_back({fs::path(source.name).filename().string(), "appliance", sha256(bytes_of(source.text))});
    std::sort(all.parts.begin(), all.parts.end(), [](const Ingredient& a, const Ingredient& b) {
        return std::tie(a.kind, a.name, a.digest) < std::tie(b.kind, b.name, b.digest);
    });
    return all;
}

} // namespace septum::cli
