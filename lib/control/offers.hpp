// Offers: a refusal's alternatives, as tokens that one POST turns into a reservation.
#pragma once

#include "control/keys.hpp"
#include "control/problem.hpp"
#include "wire/reservation.hpp"

namespace control {

/// How long an offer can be taken. Nothing is kept for it meanwhile.
constexpr base::Seconds k_offer_life{300};

/// Makes and reads offers. They hold the whole request and are kept nowhere: every control with the
/// same keys reads them, until they expire. Thread-safe.
class Offers {
  public:
    explicit Offers(const Keys &keys);

    /// Whom an offer is for, and what it is good for.
    struct For {
        std::string to;                      ///< a party's name
        std::optional<base::Id> change_of{}; ///< none: a reservation of its own
    };

    struct Offered {
        wire::ReservationRequest request;
        bool at_once = false;             ///< from when it is taken to the end it has
        std::optional<base::Id> series{}; ///< that it becomes part of
    };

    /// @p problem with an offer for each of its alternatives: what was @p asked, changed
    /// accordingly, for @p taker alone. Of what is wanted at once those are good from when they are
    /// taken, to the same end, that begin before an offer has expired.
    [[nodiscard]] wire::Problem add(wire::Problem problem, const For &taker, const Offered &asked,
                                    base::UtcTime now) const;

    /// What @p taker is offered by @p token. 422 bad_offer: not made here, or for somebody or
    /// something else; 410 offer_expired.
    [[nodiscard]] Outcome<Offered> open(const std::string &token, const For &taker,
                                        base::UtcTime now) const;

  private:
    seal::Secret m_key;
};

} // namespace control
