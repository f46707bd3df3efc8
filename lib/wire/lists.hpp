// Lists of texts and names, and the most that documents can say.
#pragma once

#include "wire/json.hpp"

namespace wire {

constexpr std::int64_t k_max_viewers = 10'000'000;
constexpr std::int64_t k_max_bps = 10'000'000'000;
constexpr std::size_t k_max_shortfalls = 1024; ///< of a problem
constexpr std::size_t k_max_notify = 16;
constexpr std::size_t k_max_offer = 32'768; ///< characters; it holds a whole request

[[nodiscard]] JsonArray to_array(const std::vector<std::string> &items);

/// The member `title`: at most 200 bytes, no control characters.
[[nodiscard]] base::Result<std::string> read_title(ObjectReader &in);
/// Whether a new one may be @p title, the member @p where: see base::is_plain_text(). One that is
/// kept may hold more.
[[nodiscard]] base::Result<void> check_title(std::string_view title, std::string_view where);

/// The member @p key: names as is_plain_name() has them.
[[nodiscard]] base::Result<std::vector<std::string>> plain_names(ObjectReader &in,
                                                                 std::string_view key);

} // namespace wire
