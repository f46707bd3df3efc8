#include "control/series.hpp"

#include "control/documents.hpp"
#include "resv/rrule.hpp"
#include "wire/lists.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ical::Occurrence;
using ledger::Booking;
using ledger::Transaction;
using wire::Clash;

namespace {

constexpr std::size_t k_named = 3; // clashes in one line
// Clashes with alternatives: they cost most, and all others wait meanwhile.
constexpr std::size_t k_proposed = 20;

std::unexpected<Refusal> bad_repeat(const base::Error &error) {
    return refuse(422, "bad_repeat", error.message, error.hint);
}

std::unexpected<Refusal> refuse_series(const std::vector<Clash> &clashes, std::size_t all) {
    const bool some = clashes.size() < all;
    std::string named;
    for (std::size_t i = 0; i < std::min(clashes.size(), k_named); ++i)
        named += fmt::format("; {}: {}", clashes[i].local, clashes[i].problem.detail);
    if (clashes.size() > k_named)
        named += "; …";
    auto refusal =
        refuse(409, "series_clash",
               fmt::format("{} of {} cannot be booked, so none is{}", clashes.size(), all, named),
               some ? "--on-clash skip books the others, propose offers what would do instead"
                    : "look at resv-request slots, or book one alone for what would do instead");
    auto &shortfalls = refusal.error().problem.shortfalls;
    for (const Clash &clash : clashes)
        std::ranges::copy(clash.problem.shortfalls, std::back_inserter(shortfalls));
    shortfalls.resize(std::min(shortfalls.size(), wire::k_max_shortfalls));
    return refusal;
}

// Books one of it; why not, when that may be otherwise with another one. All else that is wrong is
// wrong with all of them.
Outcome<std::optional<Clash>> book_one(const Desk &desk, Transaction &t,
                                       const wire::SeriesRequest &request, const Occurrence &o,
                                       const Act &act, bool alternatives, SeriesBooked &into) {
    wire::ReservationRequest one = request.request;
    one.start = o.start;
    one.end = one.start + (request.request.end - request.request.start);
    auto booked =
        desk.book(t, into.series.owner, one, act,
                  {.at_once = {}, .series = into.series.id, .alternatives = alternatives});
    if (booked) {
        into.bookings.push_back(*std::move(booked));
        return std::nullopt;
    }
    wire::Problem problem = booked.error().problem;
    if (problem.status == 409)
        return Clash{.local = o.local, .start = o.start, .problem = std::move(problem)};
    problem.detail = fmt::format("{}: {}", o.local, problem.detail);
    return std::unexpected(Refusal{std::move(problem)});
}

} // namespace

Outcome<std::vector<Occurrence>> occurrences_of(const wire::SeriesRequest &request,
                                                const Config &config, UtcTime now) {
    const auto rule = resv::parse_rrule(request.repeat);
    if (!rule)
        return bad_repeat(rule.error());
    base::Millis horizon = config.policy.horizon;
    for (const auto &[name, policy] : config.channels)
        horizon = std::max(horizon, policy.horizon);
    auto found =
        ical::occurrences(*rule, request.zone, request.request.start,
                          static_cast<std::size_t>(config.policy.max_series), now + horizon);
    if (!found)
        return bad_repeat(found.error());
    return *std::move(found);
}

Outcome<SeriesBooked> book_series(const Desk &desk, Transaction &t, const std::string &owner,
                                  const wire::SeriesRequest &request,
                                  const std::vector<Occurrence> &occurrences, const Act &act) {
    SeriesBooked out{.series = {.id = new_id(act.now),
                                .owner = owner,
                                .repeat = request.repeat,
                                .zone = request.zone,
                                .created = act.now},
                     .bookings = {},
                     .clashes = {}};
    std::vector<Occurrence> clashing;
    for (const Occurrence &o : occurrences)
        if (auto clash = TRY(book_one(desk, t, request, o, act, false, out))) {
            clashing.push_back(o);
            out.clashes.push_back(*std::move(clash));
        }
    const bool all = request.on_clash == wire::OnClash::all_or_nothing;
    if (out.bookings.empty() || (all && !out.clashes.empty()))
        return refuse_series(out.clashes, occurrences.size());
    if (request.on_clash == wire::OnClash::propose) { // what is free beside all that was booked
        clashing.resize(std::min(clashing.size(), k_proposed));
        const auto rest =
            std::vector(out.clashes.begin() + std::ssize(clashing), out.clashes.end());
        out.clashes.clear();
        for (const Occurrence &o : clashing)
            if (auto clash = TRY(book_one(desk, t, request, o, act, true, out)))
                out.clashes.push_back(*std::move(clash));
        std::ranges::copy(rest, std::back_inserter(out.clashes));
    }
    TRY(t.put(out.series));
    return out;
}

Outcome<std::vector<Booking>> cancel_series(const Desk &desk, Transaction &t,
                                            const base::Id &series, const Act &act) {
    std::vector<Booking> all; // all read in order first: see Transaction::lock
    for (const Booking &seen : TRY(t.bookings_of(series)))
        if (auto b = TRY(t.booking(seen.id)))
            all.push_back(*std::move(b));
    bool any = false;
    for (Booking &b : all) {
        const resv::State state = resv::state_at(b.life, act.now);
        any = any || state == resv::State::cancelled;
        if (state != resv::State::held && state != resv::State::booked)
            continue;
        b = TRY(desk.cancel(t, b, act));
        any = true;
    }
    if (!any)
        return refuse(409, "wrong_state", "nothing of it is still to come");
    return all;
}

Outcome<void> check_series_goes_on(Transaction &t, const base::Id &series, UtcTime now) {
    bool cancelled = false;
    for (const Booking &b : TRY(t.bookings_of(series))) {
        const resv::State state = resv::state_at(b.life, now);
        if (state == resv::State::held || state == resv::State::booked)
            return {};
        cancelled = cancelled || state == resv::State::cancelled;
    }
    if (cancelled)
        return refuse(410, "series_gone", "the series that this was offered for is cancelled",
                      "book it alone");
    return {};
}

wire::Json to_json(const ledger::Series &s) {
    return wire::JsonObject{{"id", s.id.text()},
                            {"owner", s.owner},
                            {"repeat", s.repeat},
                            {"zone", s.zone},
                            {"created", base::format_rfc3339(s.created)}};
}

} // namespace control
