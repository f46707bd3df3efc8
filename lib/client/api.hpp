// Control's API as its callers see it: signed requests, strict answers, problems as errors.
#pragma once

#include "base/control_clock.hpp"
#include "seal/keys.hpp"
#include "wire/problem.hpp"
#include "wire/reservation.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace net {
class HttpClient;
}

namespace client {

/// Where control is and how it is reached.
struct Target {
    std::string url;       ///< https://host[:port], no path
    std::string cacert;    ///< PEM file; empty: the system's authorities
    std::string interface; ///< bind to it (SO_BINDTODEVICE); empty: the system's choice
};

/// A 2xx answer.
struct Answer {
    int status = 200;
    std::string body;
    /// The body as JSON; protocol when it is not.
    [[nodiscard]] base::Result<wire::Json> json() const;
};

/// One connection to control, kept open between calls. Not thread-safe, but cancel().
class Api {
  public:
    /// @p key signs every request and must outlive the object; null: requests go unsigned.
    /// Signatures are dated by @p clock (null: the machine's), which must outlive the object too,
    /// until control refuses one for it: then by control's time, carried on by the monotonic
    /// clock. usage: the URL is not https://host[:port].
    [[nodiscard]] static base::Result<Api> open(Target target, const seal::SigningKey *key,
                                                const base::Clock *clock = nullptr);
    Api(Api &&) noexcept;
    Api &operator=(Api &&) noexcept;
    ~Api();

    /// GET @p path_and_query ("/v1/reservations/…"), within @p timeout in all.
    ///
    /// Errors: a problem answer becomes refused (400 404 409 410 422 …), not_permitted (401, 403),
    /// try_again (429, 503), unavailable (other 5xx; name, network, TLS, timeout) with
    /// control's text and hint; see also problem(). protocol: not HTTP, a redirect, an answer that
    /// is too large or not ours.
    [[nodiscard]] base::Result<Answer> get(std::string_view path_and_query,
                                           base::Millis timeout = base::Millis{15'000});

    /// POST of a JSON document. @p idempotency_key (1 to 64 of A-Z a-z 0-9 - _): the same key and
    /// body again get the first answer again and change nothing.
    [[nodiscard]] base::Result<Answer> post(std::string_view path, std::string_view json,
                                            std::string_view idempotency_key,
                                            base::Millis timeout = base::Millis{15'000});

    /// PATCH of a JSON document, refused unless what it changes still has the entity tag
    /// @p if_match. Else as post().
    [[nodiscard]] base::Result<Answer> patch(std::string_view path, std::string_view json,
                                             std::string_view idempotency_key,
                                             std::string_view if_match,
                                             base::Millis timeout = base::Millis{15'000});

    /// The problem document of the last call, when it failed with one.
    [[nodiscard]] const std::optional<wire::Problem> &problem() const;

    /// Makes a call in progress fail with try_again within about a second, and all later ones at
    /// once. From any thread, also from a signal handler.
    void cancel();

    [[nodiscard]] const Target &target() const;

  private:
    struct Impl;
    explicit Api(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

/// A fresh idempotency key: 22 random characters.
[[nodiscard]] std::string new_idempotency_key();

/// Control's clock against this machine's.
struct ClockReading {
    base::Millis offset{0};     ///< control's time minus the local wall clock
    base::Millis round_trip{0}; ///< of the median sample: the offset is right to half of it
    base::UtcTime control_time; ///< control's time …
    base::SteadyTime at;        ///< … at this instant of the monotonic clock

    /// For a base::ControlClock.
    [[nodiscard]] base::Millis steady_offset() const {
        return base::ControlClock::offset_of(control_time, at);
    }
};

/// The median (by offset) of five GET /v1/time, each corrected by half its round trip.
[[nodiscard]] base::Result<ClockReading> measure_clock(Api &api, const base::Clock &clock);

} // namespace client
