// Who asks, and how often one may: by key for those who sign, by address for all else.
#include "control/api.hpp"

namespace control {

namespace {

Outcome<void> spend(Limiter &limiter, const std::string &who, const Allowance &allowance,
                    base::SteadyTime now, std::string_view what) {
    const auto wait = limiter.take(who, allowance, now);
    if (!wait)
        return {};
    auto refused = refuse(429, "too_many_requests", fmt::format("too many requests {}", what),
                          "wait as long as Retry-After says");
    refused.error().retry_after = std::chrono::ceil<base::Seconds>(*wait);
    return refused;
}

} // namespace

Outcome<void> Api::spend_address(const net::Request &request) {
    return spend(m_remembered->by_address, bucket_of(request.peer), m_config.limits.per_address,
                 m_clock.steady(), "without a good signature from this address");
}

Outcome<Caller> Api::identify(const net::Request &request, base::UtcTime now, Freshness freshness) {
    auto caller = m_authenticator.caller(request, now, freshness);
    // Who signs well is not hindered by a neighbour who does not.
    if (!caller && caller.error().problem.status == 401)
        TRY(spend_address(request));
    if (caller)
        TRY(spend(m_remembered->by_key, caller->name, m_config.limits.per_key, m_clock.steady(),
                  "with this key"));
    return caller;
}

} // namespace control
