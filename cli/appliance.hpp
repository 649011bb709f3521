// SPDX-License-Identifier: Apache-2.0
// The way from an appliance file to a proved image, as far as a command wants to go.
#pragma once

#include "build/build.hpp"
#include "build/image/iso.hpp"
#include "cli/answer.hpp"
#include "cli/files.hpp"
#include "cli/sbom.hpp"
#include "cli/target.hpp"

#include <CLI/CLI.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace septum::cli {

// Where the inputs are.
struct ApplianceOptions {
    std::string file;
    std::string board;                 // name or path; empty: as the file says
    std::vector<std::string> boards;   // more folders with boards, searched first
    std::vector<std::string> payloads; // more folders with payloads, searched first
    std::string kernel;                // empty: the one that ships with septum

    // `--board` and `--boards`; with `payloads`, also `--payloads` and `--kernel`.
    void declare(CLI::App& app, bool with_payloads);
    [[nodiscard]] config::LoadOptions load_options() const;
    [[nodiscard]] std::vector<std::filesystem::path> payload_folders() const;
};

// The kernel that images are made with and held against: the one that `--kernel` names, or septum's own.
[[nodiscard]] config::Outcome<Bytes> read_kernel(const ApplianceOptions& options);

// One appliance on its way. Each step needs the one before, adds what it finds to `answer`, and says whether to go on.
class Appliance {
public:
    Appliance(std::string command, const Terminal& terminal, const ApplianceOptions& options,
              verifier::Options verifier_options = {});

    [[nodiscard]] bool load();         // model()
    [[nodiscard]] bool prove_model();  // answer().report; the model alone
    [[nodiscard]] bool plan();         // bundle()
    [[nodiscard]] bool prove_bundle(); // answer().report
    // Reads an image that stands and proves it, in a thread of its own while other things are done. Needs model().
    void begin_proof(const std::filesystem::path& file);
    // image() and answer().report, of what begin_proof() was called for as the `number`th, counted from 0; once each.
    // False, and nothing changes, unless it is proved and has that digest.
    [[nodiscard]] bool use_proof(std::size_t number, Target target, const std::string& digest);
    void begin_iso(); // what can be made of an ISO before plan(), beside it; may be left out
    [[nodiscard]] bool make_image(Target target = Target::iso); // image()
    [[nodiscard]] bool prove_image();                           // answer().report, of image()
    void use_image(std::string name, Bytes image);              // instead of make_image()

    void draw(); // answer().overview, of what was judged last

    [[nodiscard]] const config::Model& model() const { return *model_; }
    [[nodiscard]] const build::Bundle& bundle() const { return *bundle_; }
    [[nodiscard]] const Bytes& image() const { return *image_; }
    [[nodiscard]] std::shared_ptr<const Bytes> share_image() const { return image_; }
    [[nodiscard]] Answer& answer() { return answer_; }
    // SHA-256 of image() in hexadecimal, as the verifier found it.
    [[nodiscard]] std::string image_digest() const;
    // Digest of all that decides that image (cli/earlier.hpp).
    [[nodiscard]] std::string inputs_digest(Target target, const std::string& tools) const;
    // What the image was made of, once there is one; `name` is the file it goes to.
    [[nodiscard]] Ingredients ingredients(const std::filesystem::path& name) const;

private:
    struct Judged {
        std::shared_ptr<const Bytes> image; // null: it cannot be read
        verifier::Report report;
    };
    bool add(std::vector<config::Diagnostic> diagnostics); // false when one is an error
    bool judge(verifier::Report report);                   // false unless proved
    [[nodiscard]] config::Outcome<Bytes> made_iso();

    const Terminal& terminal_;
    const ApplianceOptions& options_;
    verifier::Options verifier_options_;
    Answer answer_;
    std::optional<config::Model> model_;
    Bytes kernel_;
    std::vector<build::PayloadFile> payloads_;
    std::optional<build::Bundle> bundle_;
    config::Outcome<build::IsoMaker> maker_;                               // neither value nor diagnostics: not begun
    std::shared_ptr<const Bytes> image_ = std::make_shared<const Bytes>(); // never null
    Target target_ = Target::iso;
    std::vector<std::future<Judged>> proofs_; // declared last, so waited for before the model goes
};

} // namespace septum::cli
