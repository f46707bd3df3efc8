// Values on their way to PostgreSQL, in binary form.
#pragma once

#include "ledger/sql.hpp"

#include <deque>
#include <vector>

namespace ledger {

namespace postgres_type {
// Of <server/catalog/pg_type_d.h>, which clients do not have.
constexpr unsigned k_bytea = 17;
constexpr unsigned k_int8 = 20;
constexpr unsigned k_int4 = 23;
constexpr unsigned k_text = 25;

} // namespace postgres_type

inline std::uint64_t big_endian(std::uint64_t number) {
    std::uint64_t out = 0;
    for (int i = 0; i < 8; ++i, number >>= 8U)
        out = (out << 8U) | (number & 0xffU);
    return out;
}

/// The parameters of one statement as libpq wants them; valid as long as the values.
struct PostgresParameters {
    static constexpr int k_binary = 1;

    std::vector<unsigned> types;
    std::vector<const char *> values;
    std::vector<int> lengths;
    std::vector<int> formats;
    std::deque<std::uint64_t> numbers; // what `values` points to

    explicit PostgresParameters(std::span<const Value> from) {
        for (const Value &value : from) {
            if (const auto *number = std::get_if<std::int64_t>(&value.value)) {
                numbers.push_back(big_endian(static_cast<std::uint64_t>(*number)));
                add(postgres_type::k_int8, reinterpret_cast<const char *>(&numbers.back()), 8);
            } else if (const auto *text = std::get_if<std::string_view>(&value.value)) {
                add(postgres_type::k_text, text->empty() ? "" : text->data(), text->size());
            } else if (const auto *bytes = std::get_if<seal::ByteView>(&value.value)) {
                add(postgres_type::k_bytea,
                    bytes->empty() ? "" : reinterpret_cast<const char *>(bytes->data()),
                    bytes->size());
            } else {
                add(0, nullptr, 0);
            }
        }
    }
    [[nodiscard]] int count() const { return static_cast<int>(values.size()); }

  private:
    void add(unsigned type, const char *value, std::size_t length) {
        types.push_back(type);
        values.push_back(value);
        lengths.push_back(static_cast<int>(length));
        formats.push_back(k_binary);
    }
};

/// `?` becomes $1, $2 …; no statement of ours has one in a text.
inline std::string numbered_parameters(std::string_view sql) {
    std::string out;
    int next = 1;
    for (const char c : sql)
        if (c == '?')
            out += fmt::format("${}", next++);
        else
            out += c;
    return out;
}

} // namespace ledger
