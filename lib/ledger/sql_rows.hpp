// What the statements of SqlTransaction share: reading single rows and fields of a fixed size.
#pragma once

#include "ledger/sql.hpp"

#include <algorithm>
#include <array>

namespace ledger {

template <std::size_t N> base::Result<std::array<std::uint8_t, N>> fixed(const seal::Bytes &bytes) {
    std::array<std::uint8_t, N> out{};
    if (bytes.size() != N)
        return base::fail(base::Errc::bad_data, "ledger: a field has {} bytes instead of {}",
                          bytes.size(), N);
    std::ranges::copy(bytes, out.begin());
    return out;
}

// The only row, or nothing.
template <typename T, typename Read>
base::Result<std::optional<T>> one(const std::unique_ptr<Rows> &rows, Read read) {
    if (!TRY(rows->next()))
        return std::nullopt;
    return TRY(read(*rows));
}

} // namespace ledger
