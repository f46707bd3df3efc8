// A model of control that decides instant by instant.
#pragma once

#include "control_steps.hpp"

#include <tuple>

namespace control_model {

// What is left out to see whether it is the reason.
struct Without {
    bool drains = false, preflights = false;
};

struct Model {
    struct One {
        State state{};
        std::int64_t revision = 1;
        int generation = 1;
        std::optional<std::string> asked{}; // for that channel
        std::string channel, relay;
        std::vector<std::string> carriers;
        std::int64_t rate = 0, viewers = 0;
        UtcTime start, end, hold_expires;
        Seconds lead_in{10};
        bool known = false; // to the relay
        std::optional<resv::Span> preflight{};

        [[nodiscard]] UtcTime opens() const { return start - lead_in; }
        [[nodiscard]] UtcTime closes() const { return end + Seconds{5}; }
        [[nodiscard]] bool live(UtcTime now) const {
            return state == State::booked || state == State::active || state == State::ended ||
                   (state == State::held && now < hold_expires);
        }
        [[nodiscard]] State at(UtcTime now) const {
            if (state == State::held && (now >= hold_expires || now >= closes()))
                return State::expired;
            if (now >= closes() && state == State::booked)
                return State::no_show;
            return now >= closes() && state == State::active ? State::ended : state;
        }
        [[nodiscard]] std::string told() const {
            return fmt::format("{} {}.{} {} {} to {}, {}", resv::name(state), revision, generation,
                               channel, base::unix_ms(start), base::unix_ms(end),
                               preflight ? base::unix_ms(preflight->to) : 0);
        }
        // It was changed: a preflight that is over, or of what takes nothing any more, is no more.
        void saved(UtcTime now) {
            ++revision;
            const bool takes =
                state == State::booked || state == State::active || state == State::ended;
            if (preflight && (preflight->to <= now || !takes))
                preflight.reset();
        }
    };
    std::vector<One> all;

    // All of a reservation, or what its preflight takes.
    struct Use {
        const One *of;
        bool preflight = false;
    };
    // At every instant of [from, to), beside all others: no channel twice, no relay, line or bit
    // too much. The numbers are those of k_config.
    [[nodiscard]] bool fits(const One &wanted, UtcTime from, UtcTime to, UtcTime now,
                            const One *except, Without without = {}, bool preflight = false) const {
        for (auto t = from; t < to; t += k_tick) {
            std::vector<Use> on{{&wanted, preflight}};
            for (const One &o : all) {
                if (&o == except || !o.live(now))
                    continue;
                const bool cut = without.drains && o.state == State::ended;
                if (o.opens() <= t && t < (cut ? o.end : o.closes()))
                    on.push_back({&o});
                if (!without.preflights && o.preflight && o.preflight->from <= t &&
                    t < o.preflight->to)
                    on.push_back({&o, true});
            }
            std::map<std::string, std::int64_t> sum;
            for (const auto &[o, tries] : on) {
                sum["channel " + o->channel] += tries ? 0 : 1;
                sum["streams " + o->relay] += 1;
                sum["ingest " + o->relay] += o->rate;
                sum["egress " + o->relay] += tries ? 0 : o->rate * o->viewers;
                for (const auto &c : o->carriers) {
                    sum["lines " + c] += 1;
                    sum["bits " + c] += o->rate + (o->rate + 3) / 4 + 100'000;
                }
            }
            if (sum["channel " + wanted.channel] > 1 || sum["streams " + wanted.relay] > 2 ||
                sum["ingest " + wanted.relay] > 20'000'000 ||
                sum["egress " + wanted.relay] > 1'000'000'000)
                return false;
            for (const auto &c : wanted.carriers)
                if (sum["lines " + c] > (c == "a" ? 2 : 1) || sum["bits " + c] > 20'000'000)
                    return false;
        }
        return true;
    }

    struct Channel {
        std::string name, relay;
        std::int64_t most;
        [[nodiscard]] bool takes(std::int64_t rate,
                                 const std::vector<std::string> &carriers) const {
            return rate <= most && (relay == "r1" || carriers == std::vector<std::string>{"a"});
        }
    };
    static const std::vector<Channel> &channels() {
        static const std::vector<Channel> list{
            {"far", "r2", 2'000'000}, {"one", "r1", 10'000'000}, {"two", "r1", 10'000'000}};
        return list;
    }

    // Refusals that a drain alone is the reason for, or preflights; and those of preflights.
    int drained = 0, tried = 0, preflights_refused = 0;

    // Makes the times of `s` count from now, or from the end of what it adjoins. What has just
    // ended is met where only its drain is in the way, for chance seldom hits that.
    void place(Step &s, UtcTime now) const {
        using Tick = std::chrono::duration<std::int64_t, std::ratio<k_tick.count()>>;
        const Millis length = s.request.end - s.request.start;
        Millis offset = s.request.start - UtcTime{};
        UtcTime from = now;
        if (s.adjoins && !all.empty()) {
            const One &o = all[static_cast<std::size_t>(s.which) % all.size()];
            from = std::max(now, UtcTime{std::chrono::ceil<Tick>(o.end)});
        }
        if (s.books() && s.changes % 2 == 0) { // half of those that could
            for (const One &ended : all)
                if (ended.state == State::ended && now <= ended.end + Seconds{10}) {
                    s.request.channel = ended.channel;
                    s.request.carriers = ended.carriers;
                    s.request.rate = {ended.rate};
                    from = std::chrono::ceil<Tick>(ended.end);
                    offset = Seconds{10}; // a lead-in
                }
        }
        if (s.books() && s.changes % 2 == 1) // what only a preflight keeps out
            for (const One &o : all)
                if (o.preflight && o.preflight->to > now)
                    for (const char *channel : {"one", "two"}) {
                        const UtcTime start = now + Seconds{10};
                        const One rival{.channel = channel,
                                        .relay = "r1",
                                        .carriers = o.carriers,
                                        .rate = 10'000'000,
                                        .viewers = 10,
                                        .start = start,
                                        .end = start + length,
                                        .hold_expires = {}};
                        const auto fits_if = [&](Without without) {
                            return fits(rival, rival.opens(), rival.closes(), now, nullptr,
                                        without);
                        };
                        if (fits_if({}) || !fits_if({.preflights = true}))
                            continue;
                        s.request.channel = channel;
                        s.request.carriers = o.carriers;
                        s.request.rate = {10'000'000};
                        from = start;
                        offset = Millis{0};
                    }
        if (s.verb == Step::Verb::preflight) // what has room for one, or, as often, what has none
            for (std::size_t i = 0; i < all.size(); ++i)
                if (all[i].at(now) == State::booked && now < all[i].opens() &&
                    (Model{*this}.preflight(i, now) == "409") == (s.changes % 2 == 0))
                    s.which = static_cast<int>(i);
        if (s.verb == Step::Verb::now) {
            from = now;
            offset = Millis{0};
        }
        s.request.start = from + offset;
        s.request.end = s.request.start + length;
    }

    std::string book(const wire::ReservationRequest &r, UtcTime now, bool at_once) {
        if (r.start < now)
            return "422";
        bool any = false;
        bool without_drains = false, without_preflights = false;
        for (const auto &[channel, relay, most] : channels()) {
            if ((r.channel && *r.channel != channel) ||
                !Channel{channel, relay, most}.takes(r.rate.bps, r.carriers))
                continue;
            any = true;
            One o{.state = r.hold ? State::held : State::booked,
                  .revision = 1,
                  .generation = 1,
                  .asked = r.channel,
                  .channel = channel,
                  .relay = relay,
                  .carriers = r.carriers,
                  .rate = r.rate.bps,
                  .viewers = r.viewers.value_or(10),
                  .start = r.start,
                  .end = r.end,
                  .hold_expires = now + Seconds{300},
                  .lead_in = Seconds{at_once ? 0 : 10},
                  .known = !r.hold};
            if (!fits(o, o.opens(), o.closes(), now, nullptr)) {
                without_drains |= fits(o, o.opens(), o.closes(), now, nullptr, {.drains = true});
                without_preflights |=
                    fits(o, o.opens(), o.closes(), now, nullptr, {.preflights = true});
                continue;
            }
            all.push_back(o);
            return o.told();
        }
        drained += int{without_drains};
        tried += int{without_preflights};
        return any ? "409" : "422";
    }

    // Series of which some could not be booked, and the others were.
    int partly = 0;

    std::string series(const Step &s, UtcTime now) {
        const std::vector<One> before = all;
        std::string out;
        bool clashes = false;
        for (const UtcTime start : s.starts()) {
            auto one = s.request;
            one.end = start + (one.end - one.start);
            one.start = start;
            const std::string answer = book(one, now, false);
            if (answer == "422") {
                all = before;
                return answer;
            }
            clashes |= answer == "409";
            if (answer != "409")
                out += (out.empty() ? "" : " | ") + answer;
        }
        if (out.empty() || (clashes && s.on_clash() == wire::OnClash::all_or_nothing)) {
            all = before;
            return "409";
        }
        partly += int{clashes};
        return out;
    }

    // Whether what is offered instead of `r` can be had.
    [[nodiscard]] bool can_be(const wire::Alternative &a, UtcTime now) const {
        const One o{.channel = a.channel,
                    .relay = a.channel == "far" ? "r2" : "r1",
                    .carriers = a.carriers,
                    .rate = a.rate.bps,
                    .viewers = a.viewers,
                    .start = a.start,
                    .end = a.end,
                    .hold_expires = {}};
        // Between the instants that are looked at nothing changes, but at the end.
        return fits(o, o.opens(), o.closes(), now, nullptr) &&
               fits(o, o.closes() - Millis{1}, o.closes(), now, nullptr);
    }

    // The rules of times for a change to `n`: 0, or the refusal.
    static int judge_times(const One &o, const One &n, UtcTime now) {
        if (n.start == o.start && n.end == o.end)
            return 0;
        const bool past = n.start != o.start ? n.start < now : n.end <= now;
        const Millis length = n.end - n.start;
        return past || length < Seconds{60} || length > std::chrono::hours{4} ? 422 : 0;
    }

    std::string change(One &o, const wire::ReservationChange &c, UtcTime now) {
        One n = o;
        n.start = c.start.value_or(o.start);
        n.end = n.start + c.duration.value_or(o.end - o.start);
        n.rate = c.rate ? c.rate->bps : o.rate;
        n.asked = c.channel ? c.channel : o.asked;
        n.carriers = c.carriers.empty() ? o.carriers : c.carriers;
        if (n.start == o.start && n.end == o.end && n.rate == o.rate && n.asked == o.asked &&
            n.carriers == o.carriers)
            return o.told();
        const bool active = o.state == State::active;
        if (active && (n.start != o.start || n.asked != o.asked || n.carriers != o.carriers))
            return "409";
        int last = 422; // no channel takes that
        std::vector<Channel> candidates;
        for (const Channel &channel : channels()) {
            const bool only = active || n.asked;
            if ((only && channel.name != (active ? o.channel : *n.asked)) ||
                !channel.takes(n.rate, n.carriers))
                continue;
            const int judged = o.known && channel.relay != o.relay ? 409 : judge_times(o, n, now);
            if (judged != 0)
                last = judged;
            else if (channel.name == o.channel)
                candidates.insert(candidates.begin(), channel);
            else
                candidates.push_back(channel);
        }
        if (candidates.empty())
            return std::to_string(last);
        for (const Channel &channel : candidates) {
            n.channel = channel.name;
            n.relay = channel.relay;
            n.lead_in = n.start != o.start || n.channel != o.channel ? Seconds{10} : o.lead_in;
            if (!fits(n, n.opens(), n.closes(), now, &o))
                continue;
            n.saved(now);
            if (o.state == State::booked && (n.start != o.start || n.carriers != o.carriers ||
                                             n.rate != o.rate || n.channel != o.channel)) {
                ++n.generation;
                n.preflight.reset();
            }
            o = n;
            return o.told();
        }
        return "409";
    }

    static std::string become(One &o, State state, UtcTime now) {
        const bool same = o.state == state;
        o.state = state;
        if (!same)
            o.saved(now);
        return o.told();
    }

    std::string preflight(std::size_t which, UtcTime now) {
        One &o = all[which];
        if (o.at(now) != State::booked || now >= o.opens())
            return "409";
        One n = o;
        n.preflight = resv::Span{now, std::min(now + Seconds{300}, UtcTime{o.opens()})};
        if (!fits(n, now, n.preflight->to, now, &o, {}, true)) {
            ++preflights_refused;
            return "409";
        }
        n.saved(now);
        o = n;
        return o.told();
    }

    std::string act(const Step &s, UtcTime now) {
        One &o = all[static_cast<std::size_t>(s.which)];
        const State state = o.at(now);
        const bool live = state == State::held || state == State::booked || state == State::active;
        switch (s.verb) {
        case Step::Verb::commit:
            if (state == State::expired)
                return "410";
            if (state == State::held && !fits(o, o.opens(), o.closes(), now, &o))
                return "409";
            o.known |= state == State::held;
            return state == State::held || state == State::booked ? become(o, State::booked, now)
                                                                  : "409";
        case Step::Verb::extend: {
            if (!live)
                return "409";
            One longer = o;
            longer.end += s.later;
            if (longer.end - longer.start > std::chrono::hours{4})
                return "422";
            if (!fits(longer, state == State::held ? o.opens() : o.closes(), longer.closes(), now,
                      &o))
                return "409";
            longer.saved(now);
            o = longer;
            return o.told();
        }
        case Step::Verb::change:
            return live ? change(o, change_of(s, o.start), now) : "409";
        case Step::Verb::no_show:
            return state == State::booked || state == State::no_show
                       ? become(o, State::no_show, now)
                       : "409";
        case Step::Verb::preflight:
            return preflight(static_cast<std::size_t>(s.which), now);
        case Step::Verb::revoke:
            return live || state == State::revoked ? become(o, State::revoked, now) : "409";
        case Step::Verb::cancel:
            return state == State::held || state == State::booked || state == State::cancelled
                       ? become(o, State::cancelled, now)
                       : "409";
        case Step::Verb::end:
            if (state == State::booked ? now < o.opens()
                                       : state != State::active && state != State::ended)
                return "409";
            if (o.state != State::ended)
                o.end = std::min(o.end, std::max(now, o.start + Millis{1}));
            return become(o, State::ended, now);
        case Step::Verb::activate:
            return state == State::booked || state == State::active ? become(o, State::active, now)
                                                                    : "409";
        default:
            return "?";
        }
    }
};

} // namespace control_model
