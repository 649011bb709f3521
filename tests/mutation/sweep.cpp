// SPDX-License-Identifier: Apache-2.0
// Flips each byte of a bundle that is sealed again, and lists the ones that nobody minds. By hand:
//   mutation-sweep MACHINE [PART]   PART of manifest, tables, payloads, kernel; all of them when none is named
//   mutation-sweep image APPLIANCE IMAGE   (its board beside it, or in it) every byte that is neither of the bundle nor
//   of the kernel, which have digests
// SEPTUM_SHARD=1/2 judges the first of two parts, SEPTUM_STRIDE=16 every sixteenth byte of what is no manifest,
// SEPTUM_ONLY=vmcb,devices what lies in structures whose names have one of these in them.
#include "tests/mutation/interpreter.hpp"
#include "tests/mutation/places.hpp"
#include "tests/mutation/tally.hpp"
#include "verifier/facts/facts.hpp"
#include "verifier/verifier.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

namespace septum::mutation {

namespace {

struct Count {
    std::size_t flips = 0;
    std::size_t refused = 0;
};

std::optional<Machine> machine_of(std::string_view text) {
    for (const Machine machine : {Machine::x2apic, Machine::xapic, Machine::vt_d, Machine::amd_vi}) {
        if (text == name(machine)) {
            return machine;
        }
    }
    return std::nullopt;
}

class Sweep {
public:
    Sweep(const World& world, Shard shard, std::size_t stride, const char* only)
        : world_(world), shard_(shard), stride_(stride), places_(world) {
        kernel_digest_ = verifier::hex(verifier::sha256(world.kernel));
        std::istringstream names(only == nullptr ? "" : only);
        for (std::string each; std::getline(names, each, ',');) {
            only_.push_back(each);
        }
    }

    void run(std::string_view part) {
        const manifest::Header h = Editor(world_).header();
        if (part == "manifest" || part.empty()) {
            bytes(0, h.manifest_size, 1, 8);
        }
        if (part == "tables" || part.empty()) {
            bytes(h.tables_offset, h.tables_offset + h.tables_size, stride_, 1);
        }
        if (part == "payloads" || part.empty()) {
            bytes(h.tables_offset + h.tables_size, h.bundle_size, stride_, 1);
        }
        if (part == "kernel" || part.empty()) {
            for (std::size_t at = 0; at < world_.kernel.size(); at += stride_) {
                flip(true, at, static_cast<unsigned>(at % 8));
            }
        }
    }

    void print() const {
        for (const auto& [where, count] : counts_) {
            std::printf("%-44s %8zu flips %8zu refused %8zu not\n", where.c_str(), count.flips, count.refused,
                        count.flips - count.refused);
        }
    }

private:
    void bytes(std::size_t from, std::size_t to, std::size_t stride, unsigned bits) {
        for (std::size_t at = from; at < to; at += stride) {
            for (unsigned bit = 0; bit < bits; ++bit) {
                flip(false, at, bits == 1 ? static_cast<unsigned>(at * 5 / 3 % 8) : bit);
            }
        }
    }

    // What image.well-formed says of an image, which a bundle is not.
    static bool ill_formed(const Editor& editor) {
        const auto facts = verifier::read_bundle(editor.kernel, editor.bundle);
        return !facts.ok() || facts.value->defects.total() != 0;
    }

    void flip(bool kernel, std::size_t at, unsigned bit) {
        const Place place = kernel ? places_.in_kernel(at) : places_.in_bundle(at);
        const bool wanted = only_.empty() || std::any_of(only_.begin(), only_.end(), [&](const std::string& each) {
                                return place.structure.find(each) != std::string::npos;
                            });
        if (!wanted || !shard_.has(number_++)) {
            return;
        }
        Editor editor(world_);
        Bytes& bytes = kernel ? editor.kernel : editor.bundle;
        bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << bit));
        editor.seal();
        // As the command does it: the kernel is the one that it came with, unless it is the kernel that is altered
        // here.
        verifier::Options options{.solver = false};
        if (!kernel) {
            options.kernel = kernel_digest_;
        }
        const verifier::Report report = verifier::verify_bundle(world_.model, editor.kernel, editor.bundle, options);
        Count& count = counts_[place.structure];
        ++count.flips;
        if (!report.defects.empty() || report.count(verifier::Verdict::violated) != 0) {
            ++count.refused;
        } else if (ill_formed(editor)) {
            ++count.refused;
        } else if ((kernel ? editor.kernel : editor.bundle) != (kernel ? world_.kernel : world_.bundle)) {
            const Bytes& before = kernel ? world_.kernel : world_.bundle;
            std::uint64_t word = 0; // that the byte lies in: of a table's entry the lowest bit says whether it counts
            std::memcpy(&word, before.data() + at / 8 * 8, std::min<std::size_t>(8, before.size() - at / 8 * 8));
            std::printf("survives: %s + %#zx bit %u (%s at %#zx, word %#llx)\n", place.structure.c_str(), place.offset,
                        bit, kernel ? "kernel" : "bundle", at, static_cast<unsigned long long>(word));
            std::fflush(stdout);
        } else {
            ++count.refused; // a digest: sealing put it right again
        }
    }

    const World& world_;
    Shard shard_;
    std::size_t stride_;
    Places places_;
    std::vector<std::string> only_;
    std::string kernel_digest_;
    std::size_t number_ = 0;
    std::map<std::string, Count> counts_;
};

// An image as it ships: what leads to kernel and bundle.
int sweep_image(const char* appliance, const char* image_file, Shard shard, std::size_t stride) {
    const config::Loaded loaded = config::load(appliance, {});
    std::ifstream in(image_file, std::ios::binary);
    Bytes image{std::istreambuf_iterator<char>(in), {}};
    const auto facts = verifier::read_image(image);
    if (!loaded.model || !facts.ok() || !facts.value->image) {
        std::fprintf(stderr, "cannot read %s or %s\n", appliance, image_file);
        return 1;
    }
    const verifier::ImageFacts& found = *facts.value->image;
    const verifier::Options options{.solver = false, .kernel = verifier::hex(verifier::sha256(found.kernel))};
    const Bytes original = image;
    const auto inside = [&](verifier::ByteSpan span, std::size_t at) {
        const auto first = static_cast<std::size_t>(span.data() - image.data());
        return span.data() >= image.data() && at >= first && at - first < span.size();
    };
    std::map<std::string, Count> counts;
    std::size_t number = 0;
    for (std::size_t at = 0; at < image.size(); at += stride) {
        if (inside(found.kernel, at) || inside(found.bundle, at) || !shard.has(number++)) {
            continue;
        }
        std::string where = "structures";
        for (const verifier::ImageFile& file : found.files) {
            where = inside(file.contents, at) ? file.path : where;
        }
        image[at] = static_cast<std::uint8_t>(image[at] ^ (1U << (at * 5 / 3 % 8)));
        const verifier::Report report = verifier::verify_image(*loaded.model, image, options);
        image[at] = original[at];
        Count& count = counts[where];
        ++count.flips;
        if (report.proved()) {
            std::printf("survives: %s at %#zx\n", where.c_str(), at);
        } else {
            ++count.refused;
        }
    }
    for (const auto& [where, count] : counts) {
        std::printf("%-44s %8zu flips %8zu refused %8zu not\n", where.c_str(), count.flips, count.refused,
                    count.flips - count.refused);
    }
    return 0;
}

int main(int argc, char** argv) {
    const std::optional<Machine> machine = argc > 1 ? machine_of(argv[1]) : std::nullopt;
    const char* const text = std::getenv("SEPTUM_SHARD");
    const std::optional<Shard> shard = text == nullptr ? Shard{} : read_shard(text);
    const char* const stride = std::getenv("SEPTUM_STRIDE");
    const std::size_t step = stride == nullptr ? 1 : std::max(1UL, std::strtoul(stride, nullptr, 10));
    if (shard && argc == 4 && std::string_view(argv[1]) == "image") {
        return sweep_image(argv[2], argv[3], *shard, step);
    }
    if (!machine || !shard) {
        std::fprintf(stderr, "usage: mutation-sweep x2apic|xapic|vt_d|amd_vi [manifest|tables|payloads|kernel]\n");
        return 64;
    }
    const std::optional<World> world = make_world(*machine);
    if (!world) {
        return 1;
    }
    Sweep sweep(*world, *shard, step, std::getenv("SEPTUM_ONLY"));
    sweep.run(argc > 2 ? argv[2] : "");
    sweep.print();
    return 0;
}

} // namespace

} // namespace septum::mutation

int main(int argc, char** argv) {
    return septum::mutation::main(argc, argv);
}
