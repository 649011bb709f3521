// SPDX-License-Identifier: Apache-2.0
// How long the verifier takes over systems far larger than the examples. Every measured run must end in a proof: a
// verdict that is anything else is an error, not a time.
#include "build/build.hpp"
#include "config/model.hpp"
#include "tests/bench/generated.hpp"
#include "verifier/verifier.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/resource.h>

namespace {

using namespace septum;

constexpr bench::Shape kManyPartitions{.partitions = 64, .memory = 64, .small_pages = false, .channels = true};
// 16 GiB in 4 KiB pages: 4,194,304 last-level entries.
constexpr bench::Shape kManyEntries{.partitions = 16, .memory = 1024, .small_pages = true, .channels = false};

// A folder with the generated board, gone at the end.
class Folder {
public:
    explicit Folder(const bench::Shape& shape) {
        std::string name = (std::filesystem::temp_directory_path() / "septum-bench-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            std::perror("mkdtemp");
            std::exit(1);
        }
        path_ = name;
        std::ofstream(path_ / "generated.yaml") << bench::board_file(shape);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] config::LoadOptions options() const { return {.board = "", .board_dirs = {path_}}; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

[[noreturn]] void give_up(const std::vector<config::Diagnostic>& diagnostics, const config::Sources& sources) {
    for (const config::Diagnostic& diagnostic : diagnostics) {
        std::fputs(config::render(diagnostic, sources, false).c_str(), stderr);
    }
    std::exit(1);
}

config::Loaded load(const bench::Shape& shape, const Folder& folder) {
    config::Loaded loaded =
        config::load_text(bench::appliance_file(shape), "generated.yaml", folder.path(), folder.options());
    if (!loaded.model) {
        give_up(loaded.diagnostics, loaded.sources);
    }
    return loaded;
}

// Why a report is not a proof; empty when it is one.
std::string shortcoming(const verifier::Report& report) {
    if (report.proved()) {
        return "";
    }
    for (const config::Diagnostic& defect : report.defects) {
        return "defect: " + defect.message;
    }
    for (const verifier::PropertyResult& result : report.results) {
        if (result.verdict == verifier::Verdict::violated || result.verdict == verifier::Verdict::inconclusive) {
            return result.id + " is " + verifier::name(result.verdict) + " " + result.reason +
                   (result.findings.empty() ? "" : result.findings.front().diagnostic.message);
        }
    }
    return "not as many results as properties";
}

void verify_model(benchmark::State& state) {
    const Folder folder(kManyPartitions);
    for (auto _ : state) {
        const config::Loaded loaded = load(kManyPartitions, folder);
        const verifier::Report report = verifier::verify_model(*loaded.model, {});
        if (const std::string why = shortcoming(report); !why.empty()) {
            state.SkipWithError(why.c_str());
            break;
        }
    }
}
BENCHMARK(verify_model)->Name("model of 64 partitions")->Unit(benchmark::kMillisecond)->MinTime(1.0);

std::vector<std::uint8_t> read_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void verify_entries(benchmark::State& state, bool solver) {
    const Folder folder(kManyEntries);
    const config::Loaded loaded = load(kManyEntries, folder);
    const std::vector<std::uint8_t> kernel = read_file(std::getenv("SEPTUM_KERNEL"));
    const std::vector<build::PayloadFile> payloads{{"nothing.elf", bench::halting_elf()}};
    const auto bundle = build::make_bundle(*loaded.model, kernel, payloads);
    if (!bundle.ok()) {
        give_up(bundle.diagnostics, loaded.sources);
    }
    for (auto _ : state) {
        const verifier::Report report =
            verifier::verify_bundle(*loaded.model, kernel, bundle.value->bytes, {.solver = solver});
        if (const std::string why = shortcoming(report); solver && !why.empty()) {
            state.SkipWithError(why.c_str());
            break;
        }
    }
    state.counters["bytes"] = static_cast<double>(bundle.value->bytes.size());
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}
BENCHMARK_CAPTURE(verify_entries, both, true)
    ->Name("4 M entries, both ways")
    ->Unit(benchmark::kMillisecond)
    ->Iterations(3);
BENCHMARK_CAPTURE(verify_entries, enumeration, false)
    ->Name("4 M entries, enumeration only")
    ->Unit(benchmark::kMillisecond)
    ->Iterations(3);

} // namespace

int main(int argc, char** argv) {
    if (std::getenv("SEPTUM_KERNEL") == nullptr) {
        std::fputs("septum-bench-verify: SEPTUM_KERNEL must name the kernel's ELF file\n", stderr);
        return 64;
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
