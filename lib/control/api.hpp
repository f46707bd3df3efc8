// The API: a request in, an answer out. See slotcast-api(5).
#pragma once

#include "control/answer.hpp"
#include "control/auth.hpp"
#include "control/booking.hpp"
#include "control/events.hpp"
#include "control/feeds.hpp"
#include "control/logins.hpp"
#include "control/monitor.hpp"
#include "control/offers.hpp"
#include "control/remembered.hpp"

namespace control {

/// Thread-safe. Everything given to the constructor outlives it.
class Api {
  public:
    using Reply = Feeds::Reply;
    /// Whether a Host field names this control; empty: any does.
    using IsOwnHost = std::function<bool(std::string_view host)>;

    Api(const Config &config, const Keys &keys, ledger::Ledger &ledger, const base::Clock &clock,
        Feeds &feeds, IsOwnHost is_own_host = {}, Monitor *monitor = nullptr,
        std::shared_ptr<Remembered> remembered = std::make_shared<Remembered>());
    Api(const Api &) = delete;
    Api &operator=(const Api &) = delete;
    ~Api();

    /// Every route there is: its method, and its path with "{}" for each variable part.
    [[nodiscard]] static std::vector<std::pair<std::string_view, std::string_view>> known_routes();

    /// Answers once through @p reply: before it returns, or, a long poll, later from Feeds' thread.
    void handle(const net::Request &request, const Reply &reply);

  private:
    // One request on its way through a handler.
    struct Call {
        const net::Request &request;
        base::UtcTime now; // when it arrived; changes are judged by their transaction's time
        std::vector<std::string> names; // the path's variable parts
        Caller caller;
        std::string idempotency_key; // of what changes something
    };
    using Handler = Outcome<Answer> (Api::*)(const Call &);
    enum class Who { anybody, newcomer, distributor, owner, party, relay, operator_ };
    struct Route {
        std::string_view method;
        std::string_view pattern; // "{}" stands for one variable part
        Who who;
        Handler handler;
        bool reads_query = false; // else a query is refused
    };
    using Work = std::function<Outcome<Answer>(ledger::Transaction &, base::UtcTime now)>;
    using Change = std::function<Outcome<ledger::Booking>(ledger::Transaction &, ledger::Booking,
                                                          base::UtcTime now)>;

    [[nodiscard]] static std::span<const Route> routes();
    /// The route that @p request takes; null: none.
    [[nodiscard]] static const Route *route_of(const net::Request &request);
    Outcome<std::optional<Answer>> dispatch(const net::Request &request, const Reply &reply);
    Outcome<Answer> run(const Route &route, Call &call);
    Outcome<std::optional<Answer>> long_poll(const Call &call, const Reply &reply);
    Outcome<void> check_role(Who who, const Call &call);
    /// The enrolled party that signed @p request; 401, and 429 when it asks too often.
    Outcome<Caller> identify(const net::Request &request, base::UtcTime now,
                             Freshness freshness = Freshness::now);
    /// 429 when too many requests without a good signature came from where @p request does.
    Outcome<void> spend_address(const net::Request &request);

    /// Runs @p work in the transaction that also keeps its answer; the same key and request again
    /// get that, another request 422, who has no good key any more 401. @p work is told the time of
    /// its transaction: requests may wait long for their turn, and a hold must not outlive that.
    Outcome<Answer> once(const Call &call, const Work &work);
    /// The booking that the path names, when it is the caller's (or the caller an operator): else
    /// 404.
    Outcome<ledger::Booking> own_booking(ledger::Transaction &t, const Call &call);
    /// once() around @p change of own_booking(), answered by the reservation and its settings.
    Outcome<Answer> change(const Call &call, const Change &change);
    /// change() whose refusal has alternatives to @p asked, with offers that PATCH takes.
    Outcome<Answer> change_to(const Call &call, const wire::ReservationChange &asked,
                              const Change &change);
    /// The series that the path names, as own_booking().
    Outcome<ledger::Series> own_series(ledger::Transaction &t, const Call &call);
    /// What was booked, with fresh settings: made, and sealed, when the transaction has ended.
    Outcome<Answer> booked(ledger::Transaction &t, ledger::Booking booking, base::UtcTime now,
                           int status);
    Outcome<Answer> booked(ledger::Transaction &t, ledger::Series series,
                           std::vector<ledger::Booking> bookings, wire::JsonArray clashes,
                           base::UtcTime now);
    /// The time of the write transaction that calls it: never before what an earlier call told,
    /// unless the wall clock was set back far. (Between processes nothing rests on it: what a hold
    /// lost to another's clock, its commit finds taken.)
    base::UtcTime transaction_time();

    /// Who looks at the calendar: by signature, by a browser's session, or anybody where that is
    /// allowed.
    Outcome<Look> look(const Call &call);

    Outcome<Answer> healthz(const Call &call);
    Outcome<Answer> readyz(const Call &call);
    Outcome<Answer> metrics(const Call &call);
    Outcome<Answer> openapi(const Call &call);
    Outcome<Answer> time(const Call &call);
    Outcome<Answer> channels(const Call &call);
    Outcome<Answer> carriers(const Call &call);
    Outcome<Answer> availability(const Call &call);
    Outcome<Answer> list(const Call &call);
    Outcome<Answer> show(const Call &call);
    Outcome<Answer> book(const Call &call);
    Outcome<Answer> commit(const Call &call);
    Outcome<Answer> extend(const Call &call);
    Outcome<Answer> amend(const Call &call);
    Outcome<Answer> history(const Call &call);
    Outcome<Answer> cancel(const Call &call);
    Outcome<Answer> end(const Call &call);
    Outcome<Answer> settings(const Call &call);
    Outcome<Answer> revoke(const Call &call);
    Outcome<Answer> book_series(const Call &call); // these: api_series.cpp
    Outcome<Answer> show_series(const Call &call);
    Outcome<Answer> cancel_series(const Call &call);
    Outcome<Answer> webhooks(const Call &call);
    Outcome<Answer> event_ics(const Call &call);
    Outcome<Answer> freebusy_ics(const Call &call);
    Outcome<Answer> enrol(const Call &call);
    Outcome<Answer> rotate(const Call &call);
    Outcome<Answer> revoke_keys(const Call &call);
    Outcome<Answer> reports(const Call &call);
    Outcome<Answer> file(const Call &call); // this and what follows: api_calendar.cpp
    Outcome<Answer> calendar(const Call &call);
    Outcome<Answer> events(const Call &call);
    Outcome<Answer> login_link(const Call &call);
    Outcome<Answer> log_in(const Call &call);
    Outcome<Answer> log_out(const Call &call);

    const Config &m_config;
    const Keys &m_keys;
    ledger::Ledger &m_ledger;
    const base::Clock &m_clock;
    Feeds &m_feeds;
    IsOwnHost m_is_own_host;
    Monitor *m_monitor;
    std::shared_ptr<Remembered> m_remembered;
    Desk m_desk;
    Offers m_offers;
    Authenticator m_authenticator;
    Logins m_logins;
    std::mutex m_time_mutex;
    base::UtcTime m_last_time; // of a write transaction
    Events m_events;           // last: its thread uses what is above
};

} // namespace control
