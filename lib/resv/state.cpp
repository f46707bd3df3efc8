#include "resv/state.hpp"

#include <array>

namespace resv {

using base::Errc;
using base::fail;
using base::Result;

namespace {
constexpr std::array<std::string_view, 8> k_states{"held",    "booked",    "active",  "ended",
                                                   "expired", "cancelled", "no_show", "revoked"};
constexpr std::array<std::string_view, 3> k_disclosures{"public", "unlisted", "password"};

template <typename E, std::size_t N>
Result<E> lookup(const std::array<std::string_view, N> &names, std::string_view text,
                 std::string_view what) {
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == text)
            return static_cast<E>(i);
    return fail(Errc::bad_data, "'{}' is not a {} (one of {})", text.substr(0, 32), what,
                fmt::join(names, ", "));
}
} // namespace

std::string_view name(State state) {
    return k_states.at(static_cast<std::size_t>(state));
}
Result<State> parse_state(std::string_view text) {
    return lookup<State>(k_states, text, "reservation state");
}

std::string_view name(Disclosure disclosure) {
    return k_disclosures.at(static_cast<std::size_t>(disclosure));
}
Result<Disclosure> parse_disclosure(std::string_view text) {
    return lookup<Disclosure>(k_disclosures, text, "disclosure");
}

} // namespace resv
