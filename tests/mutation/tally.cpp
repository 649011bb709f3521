// SPDX-License-Identifier: Apache-2.0
#include "tests/mutation/tally.hpp"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string_view>

namespace septum::mutation {

namespace {

constexpr std::size_t kFloor = 1000;      // effective mutants at least, over all areas, all of them different
constexpr std::size_t kSecondFloor = 100; // the same on each other board
constexpr std::size_t kModelFloor = 30;
constexpr std::size_t kDeviceModelFloor = 15; // of machines with devices

constexpr const char* kEnd = "end"; // the last line of a file that was written whole

std::optional<std::size_t> number(std::string_view text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

Count sum(const Areas& areas) {
    Count all;
    for (const auto& [area, count] : areas) {
        if (area != kModelArea) {
            all.made += count.made;
            all.effective += count.effective;
            all.killed += count.killed;
            all.witnesses += count.witnesses;
        }
    }
    return all;
}

} // namespace

void print(const std::string& machine, const Areas& areas) {
    const auto line = [](const std::string& area, const Count& count) {
        std::printf("%-18s %6zu %10zu %7zu %9zu\n", area.c_str(), count.made, count.effective, count.killed,
                    count.witnesses);
    };
    std::printf("%-18s %6s %10s %7s %9s\n", machine.c_str(), "made", "effective", "killed", "witnesses");
    for (const auto& [area, count] : areas) {
        if (area != kModelArea) {
            line(area, count);
        }
    }
    line("all", sum(areas));
    if (const auto model = areas.find(kModelArea); model != areas.end()) {
        line(kModelArea, model->second);
    }
}

std::string wanting(Machine machine, const Areas& areas) {
    std::string out;
    const auto at_least = [&](const std::string& what, const Count& count, std::size_t floor) {
        if (count.effective < floor) {
            out += std::string(name(machine)) + ": " + what + ": " + std::to_string(count.effective) +
                   " effective mutants, expected at least " + std::to_string(floor) + "\n";
        }
        if (count.killed != count.effective) {
            out += std::string(name(machine)) + ": " + what + ": " + std::to_string(count.effective - count.killed) +
                   " effective mutants survived\n";
        }
    };
    for (const auto& [area, count] : areas) {
        at_least(area, count, 1);
    }
    const Count all = sum(areas);
    at_least("all areas", all, machine == Machine::x2apic ? kFloor : kSecondFloor);
    if (all.witnesses == 0) {
        out += std::string(name(machine)) + ": no witness named a place of a grant\n";
    }
    const auto model = areas.find(kModelArea);
    at_least(kModelArea, model == areas.end() ? Count{} : model->second,
             has_devices(machine) ? kDeviceModelFloor : kModelFloor);
    return out;
}

std::optional<Shard> read_shard(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) {
        return std::nullopt;
    }
    const auto index = number(std::string_view(text).substr(0, slash));
    const auto count = number(std::string_view(text).substr(slash + 1));
    if (!index || !count || *index == 0 || *index > *count) {
        return std::nullopt;
    }
    return Shard{*index - 1, *count};
}

bool write(const Tally& tally, const std::string& path) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    for (const auto& [machine, areas] : tally) {
        for (const auto& [area, count] : areas) {
            out << machine << '\t' << area << '\t' << count.made << ' ' << count.effective << ' ' << count.killed << ' '
                << count.witnesses << '\n';
        }
    }
    out << kEnd << '\n';
    out.close();
    return out.good();
}

bool add(Tally& tally, const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    for (std::string line; std::getline(in, line);) {
        if (line == kEnd) {
            return true;
        }
        std::istringstream words(line);
        std::string machine;
        std::string area;
        Count count;
        if (!std::getline(words, machine, '\t') || !std::getline(words, area, '\t') ||
            !(words >> count.made >> count.effective >> count.killed >> count.witnesses)) {
            return false;
        }
        Count& all = tally[machine][area];
        all.made += count.made;
        all.effective += count.effective;
        all.killed += count.killed;
        all.witnesses += count.witnesses;
    }
    return false;
}

} // namespace septum::mutation
