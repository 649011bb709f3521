// SPDX-License-Identifier: Apache-2.0
// Changes a bundle in place, by record or by host-physical address, and seals it again: the digests are made to fit,
// so that a mutant lives or dies by what it grants.
#pragma once

#include "tests/mutation/world.hpp"

#include <septum/manifest/manifest.hpp>

#include <cstring>
#include <random>

namespace septum::mutation {

using Random = std::mt19937_64;

// A present entry of a four-level page table, or the place of one.
struct Entry {
    std::uint64_t address = 0; // host-physical
    std::uint64_t value = 0;
    std::uint64_t input = 0; // the first address that it translates
    int level = 0;           // 4 … 1
    bool leaf = false;
    bool present = false;
};

class Editor {
public:
    explicit Editor(const World& world) : kernel(world.kernel), bundle(world.bundle) {}

    Bytes kernel;
    Bytes bundle;

    template <typename T>
    [[nodiscard]] T get(std::uint64_t offset) const {
        T value;
        std::memcpy(static_cast<void*>(&value), bundle.data() + offset, sizeof value);
        return value;
    }
    template <typename T>
    void set(std::uint64_t offset, const T& value) {
        std::memcpy(bundle.data() + offset, static_cast<const void*>(&value), sizeof value);
    }
    [[nodiscard]] manifest::Header header() const { return get<manifest::Header>(0); }
    template <typename Change>
    void change_header(Change&& change) {
        manifest::Header value = header();
        change(value);
        set(0, value);
    }
    // Record `index` of a table of the manifest.
    template <typename T>
    [[nodiscard]] T record(const manifest::Table& table, std::uint64_t index) const {
        return get<T>(table.offset + index * sizeof(T));
    }
    template <typename T, typename Change>
    void change(const manifest::Table& table, std::uint64_t index, Change&& change_record) {
        T value = record<T>(table, index);
        change_record(value);
        set(table.offset + index * sizeof(T), value);
    }
    [[nodiscard]] manifest::Partition partition(std::uint64_t index) const {
        return record<manifest::Partition>(header().partitions, index);
    }

    [[nodiscard]] std::uint64_t offset_of(std::uint64_t host) const { return host - header().bundle_base.value; }
    template <typename T>
    [[nodiscard]] T at(std::uint64_t host) const {
        return get<T>(offset_of(host));
    }
    template <typename T>
    void put(std::uint64_t host, const T& value) {
        set(offset_of(host), value);
    }
    void flip(std::uint64_t host, unsigned bit) {
        const std::uint64_t offset = offset_of(host) + bit / 8;
        bundle[offset] = static_cast<std::uint8_t>(bundle[offset] ^ (1U << (bit % 8)));
    }

    // Every entry of every table below `root`, present or not; leaves and tables.
    [[nodiscard]] std::vector<Entry> entries(std::uint64_t root) const;

    // Makes payload, tables, kernel and manifest digests fit.
    void seal();

private:
    void collect(std::uint64_t table, int level, std::uint64_t input, std::vector<Entry>& out) const;
};

} // namespace septum::mutation
