// SPDX-License-Identifier: Apache-2.0
#include "build/image/tar.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace septum::build {
namespace {

constexpr std::size_t kBlock = 512;
constexpr unsigned long long kDay = 1767225600; // 2026-01-01, as in every other image

using Header = std::array<char, kBlock>;

void put(Header& header, std::size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
}

// `digits` octal digits; the zero behind them is there already.
void put_octal(Header& header, std::size_t at, int digits, unsigned long long value) {
    char text[16];
    const int size = std::snprintf(text, sizeof text, "%0*llo", digits, value);
    put(header, at, {text, static_cast<std::size_t>(size)});
}

} // namespace

std::vector<std::uint8_t> make_tar(const std::vector<TarEntry>& files) {
    std::vector<std::uint8_t> out;
    for (const TarEntry& file : files) {
        Header header{};
        put(header, 0, std::string_view(file.name).substr(0, 99));
        put_octal(header, 100, 7, 0644);
        put_octal(header, 108, 7, 0);
        put_octal(header, 116, 7, 0);
        put_octal(header, 124, 11, file.bytes.size());
        put_octal(header, 136, 11, kDay);
        header[156] = '0';
        put(header, 257,
            std::string_view("ustar\0"
                             "00",
                             8));
        put(header, 148, "        ");
        unsigned long long sum = 0;
        for (const char c : header)
            sum += static_cast<unsigned char>(c);
        put_octal(header, 148, 6, sum);
        header[154] = '\0';
        out.insert(out.end(), header.begin(), header.end());
        out.insert(out.end(), file.bytes.begin(), file.bytes.end());
        out.resize((out.size() + kBlock - 1) / kBlock * kBlock);
    }
    out.resize(out.size() + 2 * kBlock);
    return out;
}

} // namespace septum::build
