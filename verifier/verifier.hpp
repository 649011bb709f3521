// SPDX-License-Identifier: Apache-2.0
// The judge. It reads the user's model and the bytes that ship, and nothing of build/.
#pragma once

#include "config/model.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace septum::verifier {

// Only `proved` passes as a proof. `checked_at_boot` says that the kernel checks it on the machine; it is not a proof.
// `not_judged`: an image alone does not hold what it would be compared with.
// `disagreed`: enumeration and solver do not say the same, so one of them is wrong, and nothing is proved by either.
enum class Verdict : std::uint8_t {
    proved,
    violated,
    inconclusive,
    disagreed,
    not_applicable,
    checked_at_boot,
    not_judged
};
enum class Level : std::uint8_t { model, bytes, handler, checked_at_boot };

struct Finding {
    config::Diagnostic diagnostic;       // id is the property's; the witness is its first note
    std::string fingerprint;             // stable over moved lines: property + the names concerned
    std::vector<std::string> partitions; // concerned, sorted
};

struct PropertyResult {
    std::string id; // `area.name`
    std::string title;
    Level level = Level::model;
    Verdict verdict = Verdict::inconclusive;
    std::string reason;                    // for not_applicable, inconclusive and checked_at_boot: why
    std::optional<Verdict> by_enumeration; // the two ways, where the property has both
    std::optional<Verdict> by_solver;
    std::vector<Finding> findings;
    std::vector<config::Span> rests_on; // lines of the model the proof used
};

struct Report {
    std::vector<PropertyResult> results;     // one per registered property, sorted by id
    std::vector<config::Diagnostic> defects; // the image could not be read at all: what, where, expected, found
    std::array<std::uint8_t, 32> image_digest{};
    double seconds = 0;
    bool image_alone = false; // no model was given: only there may anything be `not_judged`

    [[nodiscard]] std::size_t count(Verdict verdict) const;
    // No defect, nothing violated, nothing inconclusive, nothing left unjudged that a model was given for, and as many
    // results as properties are registered.
    [[nodiscard]] bool proved() const;
};

// One question as the solver was asked it, in SMT-LIB 2.6, and what it must answer if the property is to hold.
struct Obligation {
    std::string property;     // its id
    std::string query;        // which of its questions: "mem.disjoint: reach of all partitions, negated"
    std::string smt_lib;      // a whole script
    bool satisfiable = false; // as the solver answered
};

struct Options {
    bool solver = true;          // false: enumeration only; byte properties then say so and are not `proved` twice
    unsigned timeout_ms = 10000; // per solver query
    // SHA-256 in hexadecimal of the kernel's file that the image has to hold; nothing: any kernel that its manifest
    // measures.
    std::optional<std::string> kernel = {};
    std::vector<Obligation>* obligations = nullptr; // every question is added here, when there is a solver
};

// (a) the model alone. Byte-level properties read not_applicable ("no image given").
[[nodiscard]] Report verify_model(const config::Model& model, const Options& options);
// (a) and (b): `image` is the ISO as it ships.
[[nodiscard]] Report verify_image(const config::Model& model, std::span<const std::uint8_t> image,
                                  const Options& options);
// The same for a bundle and a kernel that are not in an image; image.* properties that need one read not_applicable.
[[nodiscard]] Report verify_bundle(const config::Model& model, std::span<const std::uint8_t> kernel,
                                   std::span<const std::uint8_t> bundle, const Options& options);

// An image of which nobody holds the appliance file: what compares bytes with bytes is judged, the rest is
// `not_judged`.
[[nodiscard]] Report verify_image_alone(std::span<const std::uint8_t> image, const Options& options);

// One step of a nested page walk, as found in the image's bytes.
struct WalkStep {
    int level = 0;           // 4: PML4 … 1: PT
    std::uint64_t table = 0; // host-physical address of the table
    std::uint32_t index = 0; // entry number, 0 .. 511
    std::uint64_t entry = 0; // raw value
    std::string meaning;     // "present, writable, user → table 0x…"
};
struct Walk {
    std::vector<WalkStep> steps;
    bool mapped = false;
    std::uint64_t host = 0; // host-physical address of the byte, when mapped
    std::uint64_t page_size = 0;
    std::string access;      // "rwx", "rw-", "r--"
    config::Span granted_by; // the model's line, when a model is given and one grants it
};
[[nodiscard]] config::Outcome<Walk> walk(std::span<const std::uint8_t> image, const std::string& partition,
                                         std::uint64_t gpa, const config::Model* model);

[[nodiscard]] const char* name(Verdict verdict); // "proved", "violated", "inconclusive", "disagreed", "not-applicable",
                                                 // "checked-at-boot", "not-judged"
[[nodiscard]] const char* name(Level level);     // "model", "bytes", "handler", "checked-at-boot"

} // namespace septum::verifier
