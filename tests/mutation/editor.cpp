// SPDX-License-Identifier: Apache-2.0
#include "tests/mutation/editor.hpp"

#include <algorithm>

#include <openssl/evp.h>

namespace septum::mutation {

namespace {

// SHA-256 over several pieces.
class Hash {
public:
    Hash() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
    ~Hash() { EVP_MD_CTX_free(context_); }
    Hash(const Hash&) = delete;
    Hash& operator=(const Hash&) = delete;

    void add(const std::uint8_t* bytes, std::size_t size) { EVP_DigestUpdate(context_, bytes, size); }
    manifest::Digest done() {
        manifest::Digest digest{};
        unsigned size = 0;
        EVP_DigestFinal_ex(context_, digest.bytes, &size);
        return digest;
    }

private:
    EVP_MD_CTX* context_;
};

} // namespace

void Editor::collect(std::uint64_t table, int level, std::uint64_t input, std::vector<Entry>& out) const {
    for (std::uint64_t i = 0; i < 512; ++i) {
        const std::uint64_t address = table + i * 8;
        Entry entry{address, at<std::uint64_t>(address), input + (i << (12 + 9 * (level - 1))), level, false, false};
        entry.present = (entry.value & 1) != 0;
        entry.leaf = entry.present && (level == 1 || (level < 4 && (entry.value & 0x80) != 0));
        out.push_back(entry);
        if (entry.present && !entry.leaf) {
            collect(entry.value & 0x000F'FFFF'FFFF'F000, level - 1, entry.input, out);
        }
    }
}

std::vector<Entry> Editor::entries(std::uint64_t root) const {
    std::vector<Entry> out;
    collect(root, 4, 0, out);
    return out;
}

void Editor::seal() {
    manifest::Header value = header();
    const auto inside = [](const Bytes& bytes, std::uint64_t offset, std::uint64_t size) {
        return offset <= bytes.size() && size <= bytes.size() - offset;
    };
    for (std::uint64_t p = 0; p < value.partitions.count; ++p) {
        if (!inside(bundle, value.partitions.offset + p * sizeof(manifest::Partition), sizeof(manifest::Partition))) {
            break; // a header that lies has nothing that could be sealed
        }
        change<manifest::Partition>(value.partitions, p, [&](manifest::Partition& partition) {
            Hash hash;
            for (std::uint64_t i = 0; i < partition.payloads.count && i < bundle.size(); ++i) {
                const std::uint64_t place =
                    value.payloads.offset + (partition.payloads.first + i) * sizeof(manifest::Payload);
                if (place + sizeof(manifest::Payload) > bundle.size()) {
                    continue;
                }
                const auto payload = get<manifest::Payload>(place);
                if (inside(bundle, payload.offset, payload.size)) {
                    hash.add(bundle.data() + payload.offset, payload.size);
                }
            }
            partition.payload_digest = hash.done();
        });
    }
    {
        Hash hash;
        if (inside(bundle, value.tables_offset, value.tables_size)) {
            hash.add(bundle.data() + value.tables_offset, value.tables_size);
        }
        value.tables_digest = hash.done();
    }
    {
        Hash hash;
        const auto word = [&](std::size_t offset, auto type) {
            if (inside(kernel, offset, sizeof type)) {
                std::memcpy(&type, kernel.data() + offset, sizeof type);
            }
            return type;
        };
        const std::size_t count = word(56, std::uint16_t{});
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t program = 64 + i * 56;
            const auto flags = word(program + 4, std::uint32_t{});
            const auto data = word(program + 8, std::uint64_t{});
            const auto size = word(program + 32, std::uint64_t{});
            if ((flags & 2) == 0 && inside(kernel, data, size)) { // not writable
                hash.add(kernel.data() + data, size);
            }
        }
        value.kernel_digest = hash.done();
        Hash file;
        file.add(kernel.data(), kernel.size());
        value.kernel_file_digest = file.done();
    }
    value.manifest_digest = {};
    set(0, value);
    Hash hash;
    hash.add(bundle.data(), std::min<std::size_t>(value.manifest_size, bundle.size()));
    value.manifest_digest = hash.done();
    set(0, value);
}

} // namespace septum::mutation
