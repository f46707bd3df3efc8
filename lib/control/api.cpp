// How a request finds its handler: routes, roles, idempotency. The handlers: api_handlers.cpp.
#include "control/api.hpp"

#include "base/log.hpp"
#include "control/query.hpp"
#include "control/transact.hpp"
#include "seal/hash.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace control {

using ledger::Role;
using ledger::Transaction;

namespace {

// A wall clock set back by less waits for itself; by more, it was wrong before and is followed.
constexpr base::Seconds k_small_step{60};

// The variable parts of `path` when it has the pattern's shape.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
    std::vector<std::string> names;
    for (;;) {
        const std::size_t p = std::min(pattern.find('/', 1), pattern.size());
        const std::size_t q = std::min(path.find('/', 1), path.size());
        if (pattern.empty() || path.empty())
            break;
        if (pattern.substr(0, p) == "/{}" && q > 1)
            names.emplace_back(path.substr(1, q - 1));
        else if (pattern.substr(0, p) != path.substr(0, q))
            return std::nullopt;
        pattern.remove_prefix(p);
        path.remove_prefix(q);
    }
    if (!pattern.empty() || !path.empty())
        return std::nullopt;
    return names;
}

// Of the reservation that a stored answer shows.
std::int64_t revision_in(const std::string &body) {
    const auto json = wire::parse_json(body, "answer");
    auto in = json ? wire::ObjectReader::of(*json, "answer") : std::unexpected(json.error());
    auto reservation = in ? in->object("reservation") : std::unexpected(in.error());
    return reservation ? reservation->integer_or("revision", 0).value_or(0) : 0;
}

} // namespace

Api::Api(const Config &config, const Keys &keys, ledger::Ledger &ledger, const base::Clock &clock,
         Feeds &feeds, IsOwnHost is_own_host, Monitor *monitor,
         std::shared_ptr<Remembered> remembered)
    : m_config(config), m_keys(keys), m_ledger(ledger), m_clock(clock), m_feeds(feeds),
      m_is_own_host(std::move(is_own_host)), m_monitor(monitor),
      m_remembered(std::move(remembered)), m_desk(config), m_offers(keys),
      m_authenticator(ledger, m_remembered->nonces), m_logins(config, keys),
      m_events(config, ledger, clock,
               [this](Transaction &t, const seal::KeyId &key) { return m_logins.viewer(t, key); }) {
    m_feeds.observe(
        this, {.changed = [this] { m_events.changed(); }, .stop = [this] { m_events.stop(); }});
}

Api::~Api() {
    m_feeds.forget(this);
}

std::span<const Api::Route> Api::routes() {
    constexpr bool reads_query = true;
    static const auto table = std::to_array<Route>({
        {"GET", "/healthz", Who::anybody, &Api::healthz},
        {"GET", "/readyz", Who::anybody, &Api::readyz},
        {"GET", "/metrics", Who::operator_, &Api::metrics},
        {"GET", "/openapi.json", Who::anybody, &Api::openapi},
        {"GET", "/v1/time", Who::anybody, &Api::time},
        {"GET", "/v1/webhooks", Who::anybody, &Api::webhooks},
        {"GET", "/v1/channels", Who::party, &Api::channels},
        {"GET", "/v1/carriers", Who::party, &Api::carriers},
        {"GET", "/v1/availability", Who::owner, &Api::availability, reads_query},
        {"GET", "/v1/freebusy.ics", Who::owner, &Api::freebusy_ics, reads_query},
        {"GET", "/v1/reservations", Who::owner, &Api::list},
        {"POST", "/v1/reservations", Who::distributor, &Api::book},
        {"GET", "/v1/reservations/{}", Who::owner, &Api::show},
        {"PATCH", "/v1/reservations/{}", Who::owner, &Api::amend},
        {"GET", "/v1/reservations/{}/event.ics", Who::owner, &Api::event_ics},
        {"POST", "/v1/reservations/{}/commit", Who::owner, &Api::commit},
        {"POST", "/v1/reservations/{}/extend", Who::owner, &Api::extend},
        {"POST", "/v1/reservations/{}/cancel", Who::owner, &Api::cancel},
        {"POST", "/v1/reservations/{}/end", Who::owner, &Api::end},
        {"GET", "/v1/reservations/{}/history", Who::owner, &Api::history},
        {"POST", "/v1/reservations/{}/settings", Who::owner, &Api::settings},
        {"POST", "/v1/reservations/{}/revoke", Who::operator_, &Api::revoke},
        {"GET", "/", Who::anybody, &Api::file},
        {"GET", "/calendar", Who::anybody, &Api::file},
        {"GET", "/calendar/{}", Who::anybody, &Api::file},
        {"GET", "/v1/calendar", Who::anybody, &Api::calendar, reads_query},
        {"GET", "/v1/events", Who::anybody, &Api::events, reads_query},
        {"POST", "/v1/calendar/links", Who::owner, &Api::login_link},
        {"POST", "/v1/calendar/session", Who::anybody, &Api::log_in},
        {"DELETE", "/v1/calendar/session", Who::anybody, &Api::log_out},
        {"POST", "/v1/series", Who::distributor, &Api::book_series},
        {"GET", "/v1/series/{}", Who::owner, &Api::show_series},
        {"POST", "/v1/series/{}/cancel", Who::owner, &Api::cancel_series},
        {"POST", "/v1/keys/enrol", Who::newcomer, &Api::enrol},
        {"POST", "/v1/keys/rotate", Who::party, &Api::rotate},
        {"POST", "/v1/keys/revoke", Who::operator_, &Api::revoke_keys},
        // Answered later: long_poll().
        {"GET", "/v1/relays/{}/feed", Who::relay, nullptr, reads_query},
        {"POST", "/v1/relays/{}/reports", Who::relay, &Api::reports},
    });
    return table;
}

std::vector<std::pair<std::string_view, std::string_view>> Api::known_routes() {
    std::vector<std::pair<std::string_view, std::string_view>> out;
    for (const Route &route : routes())
        out.emplace_back(route.method, route.pattern);
    return out;
}

const Api::Route *Api::route_of(const net::Request &request) {
    for (const Route &route : routes())
        if (route.method == request.method && match(route.pattern, request.path))
            return &route;
    return nullptr;
}

void Api::handle(const net::Request &request, const Reply &to_client) {
    Reply reply = to_client;
    if (m_monitor != nullptr) {
        const Route *route = route_of(request);
        reply = m_monitor->counted(route != nullptr ? route->method : "other",
                                   route != nullptr ? route->pattern : "other", to_client);
    }
    auto outcome = dispatch(request, reply);
    if (!outcome) {
        if (m_monitor != nullptr)
            m_monitor->metrics.refused(outcome.error().problem.code);
        base::log::debug("{} {} {}: {} {}", request.peer, request.method, request.path,
                         outcome.error().problem.status, outcome.error().problem.code);
        reply(response_of(outcome.error()));
    } else if (*outcome) {
        reply(response_of(**std::move(outcome)));
    }
}

Outcome<std::optional<Answer>> Api::dispatch(const net::Request &request, const Reply &reply) {
    if (m_is_own_host && !m_is_own_host(request.header("Host").value_or("")))
        return refuse(421, "misdirected", "Host is no name of this control");
    bool known = false;
    for (const Route &route : routes()) {
        auto names = match(route.pattern, request.path);
        if (!names)
            continue;
        known = true;
        if (route.method != request.method)
            continue;
        Call call{.request = request,
                  .now = m_clock.now(),
                  .names = std::move(*names),
                  .caller = {},
                  .idempotency_key = {}};
        if (route.handler != nullptr)
            return TRY(run(route, call));
        call.caller = TRY(identify(request, call.now));
        TRY(check_role(route.who, call));
        return long_poll(call, reply);
    }
    TRY(spend_address(request));
    if (known)
        return refuse(405, "method_not_allowed", "not with this method");
    return refuse(404, "not_found", "there is nothing here");
}

Outcome<Answer> Api::run(const Route &route, Call &call) {
    if (route.who != Who::anybody && route.who != Who::newcomer) {
        // What changes something confirms it, see once(). A login link is given out beside that.
        const bool confirmed = route.method != "GET" && route.handler != &Api::login_link &&
                               (route.who == Who::distributor || route.who == Who::owner);
        call.caller =
            TRY(identify(call.request, call.now, confirmed ? Freshness::lately : Freshness::now));
        TRY(check_role(route.who, call));
    } else if (route.handler != &Api::healthz) { // that one costs nothing
        TRY(spend_address(call.request));
    }
    if (!route.reads_query)
        TRY(check_no_query(call.request));
    if (route.method == "POST" || route.method == "PATCH")
        call.idempotency_key = TRY(idempotency_key(call.request));
    return (this->*route.handler)(call);
}

Outcome<void> Api::check_role(Who who, const Call &call) {
    const Role role = call.caller.role;
    const auto no = [&] {
        return refuse(403, "wrong_role",
                      fmt::format("'{}' is enrolled as {}", call.caller.name, name(role)));
    };
    if (who == Who::distributor && role != Role::distributor)
        return no();
    if (who == Who::operator_ && role != Role::operator_)
        return no();
    if (who == Who::owner && role == Role::relay)
        return no();
    if (who == Who::relay && (role != Role::relay || call.names.front() != call.caller.name))
        return no();
    return {};
}

Outcome<std::optional<Answer>> Api::long_poll(const Call &call, const Reply &reply) {
    const FeedQuery query = TRY(read_feed_query(call.request));
    if (!call.caller.seen || call.now - *call.caller.seen > base::Seconds{60})
        TRY(m_ledger.write([&](Transaction &t) -> base::Result<void> {
            auto party = TRY(t.party_by_name(call.caller.name));
            if (!party)
                return {};
            party->seen = call.now;
            return t.put(*party);
        }));
    m_feeds.answer(call.caller.name, call.caller.key, query.after, query.wait, reply);
    return std::nullopt;
}

base::UtcTime Api::transaction_time() {
    const std::scoped_lock lock{m_time_mutex};
    const base::UtcTime now = m_clock.now();
    if (now >= m_last_time || m_last_time - now > k_small_step)
        m_last_time = now;
    return m_last_time;
}

Outcome<Answer> Api::once(const Call &call, const Work &work) {
    const std::string &by = call.caller.name; // and not the key, which may be replaced meanwhile
    const seal::Hash256 hash = seal::hash256(seal::bytes_of(
        fmt::format("{} {}\n{}", call.request.method, call.request.target, call.request.body)));
    bool repeated = false;
    std::string body; // made by another thread, perhaps
    const ledger::AnswerKey about{by, call.idempotency_key};
    auto outcome = transact(m_ledger, about, [&](Transaction &t) -> Outcome<Answer> {
        const base::UtcTime now = transaction_time();
        repeated = false;
        const auto stored = TRY(t.answer(by, call.idempotency_key));
        if (stored && stored->created + k_answers_kept > now) {
            repeated = stored->request == hash;
            if (repeated)
                return Answer{.status = stored->status,
                              .body = stored->body,
                              .revision = revision_in(stored->body)};
            return refuse(422, "idempotency_key_reused",
                          "that Idempotency-Key came with another request before",
                          "use a new key for a new request");
        }
        // Again, as it is now: the key may have been revoked since the request was let in.
        TRY(m_authenticator.confirm(t, call.caller, now));
        Answer answer = TRY(work(t, now));
        auto make = [&, now, status = answer.status, text = std::exchange(answer.body, {}),
                     make_body = std::exchange(answer.make_body, {})]() mutable {
            body = make_body ? make_body() : std::move(text);
            return ledger::StoredAnswer{.by = by,
                                        .key = call.idempotency_key,
                                        .request = hash,
                                        .status = status,
                                        .body = body,
                                        .created = now};
        };
        TRY(t.put_answer(by, call.idempotency_key, std::move(make)));
        return answer;
    });
    if (outcome && !repeated)
        outcome->body = std::move(body);
    if (outcome)
        m_feeds.changed();
    if (outcome && !repeated && m_monitor != nullptr)
        m_monitor->metrics.changed(route_of(call.request)->pattern);
    return outcome;
}

} // namespace control
