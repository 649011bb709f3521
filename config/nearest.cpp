// SPDX-License-Identifier: Apache-2.0
// Spelling suggestions.
#include "config/source.hpp"

#include <algorithm>

namespace septum::config {

namespace {

constexpr std::size_t kLongestWord = 64; // longer words are not typing errors of ours, and the cost is quadratic

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> previous(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        previous[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                current[j] = std::min(current[j], before[j - 2] + 1);
        }
        std::swap(before, previous);
        std::swap(previous, current);
    }
    return previous[b.size()];
}

char folded(char c) {
    if (c >= 'A' && c <= 'Z')
        return static_cast<char>(c - 'A' + 'a');
    return c == '_' ? '-' : c; // on_fault and on-fault are one word to a hurried writer
}

std::string fold(std::string_view word) {
    std::string out(word);
    std::transform(out.begin(), out.end(), out.begin(), folded);
    return out;
}

} // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    if (word.empty() || word.size() > kLongestWord)
        return {};
    const std::string wanted = fold(word);
    std::string_view best;
    std::size_t best_distance = ~std::size_t{0};
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > kLongestWord)
            continue;
        const std::size_t distance = edit_distance(wanted, fold(candidate));
        // A third of the letters may be wrong; in a word of one or two letters everything is near everything.
        const std::size_t allowed = std::max(word.size(), candidate.size()) / 3;
        if (distance <= allowed && distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

} // namespace septum::config
