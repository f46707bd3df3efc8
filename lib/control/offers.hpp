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

    /// @p problem with an offer for each of its alternatives: @p request, changed accordingly, for
    /// @p owner alone.
    [[nodiscard]] wire::Problem add(wire::Problem problem, const std::string &owner,
                                    const wire::ReservationRequest &request,
                                    base::UtcTime now) const;

    /// What @p owner is offered by @p token. 422 bad_offer: not made here, or for somebody else;
    /// 410 offer_expired.
    [[nodiscard]] Outcome<wire::ReservationRequest>
    open(const std::string &token, const std::string &owner, base::UtcTime now) const;

  private:
    seal::Secret m_key;
};

} // namespace control
