// Random histories of all verbs, on every ledger and on a model that decides instant by instant:
// all four give the same answers.
#include "control/transact.hpp"
#include "control_fixture.hpp"
#include "ledger/postgres.hpp"
#include "ledger/postgres_db.hpp"
#include "ledger/sqlite.hpp"
#include "postgres_server.hpp"

#include <cstdlib>
#include <rapidcheck.h>

namespace {

using base::Millis;
using base::Seconds;
using base::UtcTime;
using control::Outcome;
using ledger::Booking;
using resv::State;

// Times are multiples of this, so the model looks at no instant between.
constexpr Seconds k_tick{5};

struct Step {
    enum class Verb { book, hold, commit, extend, cancel, end, activate } verb{};
    int which = 0; // of what was booked
    wire::ReservationRequest request;
    Seconds later{0};  // an extension's
    Seconds passes{0}; // before it
};

// What an answer comes to, for comparison.
std::string told(const Outcome<Booking> &o) {
    if (!o)
        return fmt::format("{}", o.error().problem.status);
    return fmt::format("{} {} {} until {}", resv::name(o->life.state), o->revision, o->channel,
                       base::unix_ms(o->life.window.end));
}

struct Model {
    struct One {
        State state{};
        std::int64_t revision = 1;
        std::string channel, relay;
        std::vector<std::string> carriers;
        std::int64_t rate = 0, viewers = 0;
        UtcTime start, end, hold_expires;

        [[nodiscard]] UtcTime opens() const { return start - Seconds{10}; }
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
            return fmt::format("{} {} {} until {}", resv::name(state), revision, channel,
                               base::unix_ms(end));
        }
    };
    std::vector<One> all;

    // At every instant of [from, to), beside all others: no channel twice, no relay, line or bit
    // too much. The numbers are those of k_config.
    [[nodiscard]] bool fits(const One &wanted, UtcTime from, UtcTime to, UtcTime now,
                            const One *except) const {
        for (auto t = from; t < to; t += k_tick) {
            std::vector<const One *> on{&wanted};
            for (const One &o : all)
                if (&o != except && o.live(now) && o.opens() <= t && t < o.closes())
                    on.push_back(&o);
            std::map<std::string, std::int64_t> sum;
            for (const One *o : on) {
                sum["channel " + o->channel] += 1;
                sum["streams " + o->relay] += 1;
                sum["ingest " + o->relay] += o->rate;
                sum["egress " + o->relay] += o->rate * o->viewers;
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

    std::string book(const wire::ReservationRequest &r, UtcTime now) {
        if (r.start < now)
            return "422";
        bool any = false;
        for (const auto &[channel, relay, most] :
             {std::tuple{"far", "r2", 2'000'000}, std::tuple{"one", "r1", 10'000'000},
              std::tuple{"two", "r1", 10'000'000}}) {
            const bool reached =
                relay == std::string("r1") || r.carriers == std::vector<std::string>{"a"};
            if ((r.channel && *r.channel != channel) || r.rate.bps > most || !reached)
                continue;
            any = true;
            One o{.state = r.hold ? State::held : State::booked,
                  .revision = 1,
                  .channel = channel,
                  .relay = relay,
                  .carriers = r.carriers,
                  .rate = r.rate.bps,
                  .viewers = r.viewers.value_or(10),
                  .start = r.start,
                  .end = r.end,
                  .hold_expires = now + Seconds{300}};
            if (!fits(o, o.opens(), o.closes(), now, nullptr))
                continue;
            all.push_back(o);
            return o.told();
        }
        return any ? "409" : "422";
    }

    static std::string become(One &o, State state) {
        if (o.state != state)
            ++o.revision;
        o.state = state;
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
            return state == State::held || state == State::booked ? become(o, State::booked)
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
            ++longer.revision;
            o = longer;
            return o.told();
        }
        case Step::Verb::cancel:
            return state == State::held || state == State::booked || state == State::cancelled
                       ? become(o, State::cancelled)
                       : "409";
        case Step::Verb::end:
            if (state == State::booked ? now < o.opens()
                                       : state != State::active && state != State::ended)
                return "409";
            if (o.state != State::ended)
                o.end = std::min(o.end, std::max(now, o.start + Millis{1}));
            return become(o, State::ended);
        case Step::Verb::activate:
            return state == State::booked || state == State::active ? become(o, State::active)
                                                                    : "409";
        default:
            return "?";
        }
    }
};

// The ledgers side by side; what is the first booking here is the first there.
struct Worlds {
    control::Config config =
        control::read_control(*conf::Table::parse(control_test::k_config, "t")).value();
    control::Desk desk{config};
    std::string folder = (std::filesystem::temp_directory_path() / "model.XXXXXX").native();
    std::vector<std::unique_ptr<ledger::Ledger>> ledgers;
    std::vector<std::vector<base::Id>> ids; // by ledger

    Worlds() {
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        REQUIRE(ledger::create_sqlite_ledger(folder + "/l"));
        static const std::string uri = [] { // one for all histories: making it takes longer
            std::string made = postgres_test::empty_database();
            REQUIRE(ledger::create_postgres_ledger(made));
            return made;
        }();
        REQUIRE(ledger::PostgresConnection::open(uri).value()->execute(
            "TRUNCATE reservations, demands"));
        ledgers.push_back(ledger::make_memory_ledger());
        ledgers.push_back(
            std::move(*ledger::open_sqlite_ledger(folder + "/l", ledger::Verify::no)));
        ledgers.push_back(std::move(*ledger::open_postgres_ledger(uri)));
        ids.resize(ledgers.size());
    }
    Worlds(const Worlds &) = delete;
    Worlds &operator=(const Worlds &) = delete;
    ~Worlds() {
        ledgers.clear();
        std::filesystem::remove_all(folder);
    }

    std::string answer(std::size_t world, const Step &s, UtcTime now) {
        const auto outcome =
            control::transact(*ledgers[world], [&](ledger::Transaction &t) -> Outcome<Booking> {
                if (s.verb == Step::Verb::book || s.verb == Step::Verb::hold)
                    return desk.book(t, "alice", s.request, now);
                auto b = *TRY(t.booking(ids[world][static_cast<std::size_t>(s.which)]));
                switch (s.verb) {
                case Step::Verb::commit:
                    return desk.commit(t, b, now);
                case Step::Verb::extend:
                    return desk.extend(t, b, b.life.window.end + s.later, now);
                case Step::Verb::cancel:
                    return desk.cancel(t, b, now);
                case Step::Verb::end:
                    return desk.end(t, b, now);
                default:
                    return desk.activate(t, b, now, now);
                }
            });
        if (outcome && (s.verb == Step::Verb::book || s.verb == Step::Verb::hold))
            ids[world].push_back(outcome->id);
        return told(outcome);
    }
};

rc::Gen<Step> any_step() {
    return rc::gen::exec([] {
        using rc::gen::inRange;
        Step s;
        s.verb = *rc::gen::weightedElement<Step::Verb>({{6, Step::Verb::book},
                                                        {3, Step::Verb::hold},
                                                        {3, Step::Verb::commit},
                                                        {3, Step::Verb::extend},
                                                        {2, Step::Verb::cancel},
                                                        {1, Step::Verb::end},
                                                        {2, Step::Verb::activate}});
        s.which = *inRange(0, 1000);
        s.passes = *rc::gen::weightedOneOf<int>({{5, inRange(0, 6)}, {1, inRange(0, 80)}}) * k_tick;
        s.later = *inRange(1, 60) * k_tick;
        wire::ReservationRequest &r = s.request;
        r.start = UtcTime{} + *inRange(-3, 120) * k_tick; // from now on: see below
        r.end = r.start + Seconds{60} + *inRange(0, 24) * k_tick;
        r.rate = {*inRange(1, 12) * 1'000'000};
        r.hold = s.verb == Step::Verb::hold;
        r.title = "x";
        if (*inRange(0, 3) != 0)
            r.channel = *rc::gen::element<std::string>("one", "two", "far");
        r.carriers = *rc::gen::element(std::vector<std::string>{"a"}, std::vector<std::string>{"b"},
                                       std::vector<std::string>{"a", "b"});
        return s;
    });
}

} // namespace

namespace rc {
template <> struct Arbitrary<Step> {
    static Gen<Step> arbitrary() { return any_step(); }
};
} // namespace rc

TEST_CASE("control: random histories get the same answers on every ledger and by hand") {
    base::log::setup("unit", base::log::Level::error);
    std::map<std::string, int> seen;
    CHECK(rc::check("histories", [&](const std::vector<Step> &steps) {
        Worlds worlds;
        Model model;
        auto now = base::from_unix_ms(1'790'000'000'000);
        for (Step s : steps) {
            now += s.passes;
            const bool books = s.verb == Step::Verb::book || s.verb == Step::Verb::hold;
            if (!books && model.all.empty())
                continue;
            if (!books)
                s.which %= static_cast<int>(model.all.size());
            s.request.start += now.time_since_epoch();
            s.request.end += now.time_since_epoch();
            const std::string expected = books ? model.book(s.request, now) : model.act(s, now);
            ++seen[expected.substr(0, 3)];
            for (std::size_t world = 0; world < worlds.ledgers.size(); ++world) {
                RC_LOG() << "ledger " << world << ", verb " << static_cast<int>(s.verb) << '\n';
                RC_ASSERT(worlds.answer(world, s, now) == expected);
            }
        }
    }));
    for (const auto *kind : {"boo", "hel", "act", "can", "end", "409", "410", "422"})
        CHECK_MESSAGE(seen[kind] > 0, kind);
}
