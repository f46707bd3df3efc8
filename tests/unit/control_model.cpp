// Random histories of all verbs, on every ledger and on a model that decides instant by instant:
// all four give the same answers.
#include "control_model.hpp"
#include "control/series.hpp"
#include "control/transact.hpp"
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
using control_model::k_tick;
using control_model::Model;
using control_model::Step;
using control_model::told;
using ledger::Booking;
using resv::State;

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
            "TRUNCATE reservations, demands, history, series"));
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
        if (s.verb == Step::Verb::series)
            return answer_series(world, s, now);
        const auto outcome =
            control::transact(*ledgers[world], [&](ledger::Transaction &t) -> Outcome<Booking> {
                if (s.verb == Step::Verb::now)
                    return desk.book(t, "alice", s.request, now,
                                     {.at_once = control::AtOnce{s.request.end - s.request.start}});
                if (s.books())
                    return desk.book(t, "alice", s.request, now);
                auto b = *TRY(t.booking(ids[world][static_cast<std::size_t>(s.which)]));
                switch (s.verb) {
                case Step::Verb::commit:
                    return desk.commit(t, b, now);
                case Step::Verb::extend:
                    return desk.extend(t, b, b.life.window.end + s.later, now);
                case Step::Verb::change:
                    return desk.change(t, b, change_of(s, b.life.window.start), now);
                case Step::Verb::no_show:
                    return settle(t, b, resv::Action::no_show, now);
                case Step::Verb::preflight:
                    return desk.preflight(t, b, now);
                case Step::Verb::revoke:
                    return settle(t, b, resv::Action::revoke, now);
                case Step::Verb::cancel:
                    return desk.cancel(t, b, now);
                case Step::Verb::end:
                    return desk.end(t, b, now);
                default:
                    return desk.activate(t, b, now, now);
                }
            });
        if (outcome && s.books())
            ids[world].push_back(outcome->id);
        alternatives.clear();
        if (!outcome && s.books())
            alternatives = outcome.error().problem.alternatives;
        return told(outcome);
    }
    std::vector<wire::Alternative> alternatives; // of the last answer

    std::string answer_series(std::size_t world, const Step &s, UtcTime now) {
        const wire::SeriesRequest asked{
            .request = s.request, .repeat = "", .zone = "", .on_clash = s.on_clash()};
        std::vector<ical::Occurrence> occurrences;
        for (const UtcTime start : s.starts())
            occurrences.push_back({.local = "", .start = start});
        const auto outcome = control::transact(
            *ledgers[world], [&](ledger::Transaction &t) -> Outcome<control::SeriesBooked> {
                auto done = TRY(control::book_series(desk, t, "alice", asked, occurrences, now));
                if (TRY(t.bookings_of(done.series.id)).size() != done.bookings.size())
                    return control::refuse(500, "lost", "it is not all there");
                return done;
            });
        alternatives.clear();
        if (!outcome)
            return fmt::format("{}", outcome.error().problem.status);
        std::string out;
        for (const Booking &b : outcome->bookings) {
            ids[world].push_back(b.id);
            out += (out.empty() ? "" : " | ") + told(b);
        }
        for (const wire::Clash &clash : outcome->clashes)
            std::ranges::copy(clash.problem.alternatives, std::back_inserter(alternatives));
        return out;
    }

    // What happens to a reservation by itself, or is done to it.
    [[nodiscard]] Outcome<Booking> settle(ledger::Transaction &t, const Booking &b,
                                          resv::Action action, UtcTime now) const {
        const State next = TRY(control::step(b, action, now));
        return next == b.life.state ? Outcome<Booking>{b} : desk.settle(t, b, next, now);
    }
    // Every history is whole.
    [[nodiscard]] base::Result<void> check_histories(std::size_t world) const {
        return ledgers[world]->read([](ledger::Transaction &t) -> base::Result<void> {
            control::HistoryCheck check{TRY(t.bookings(""))};
            TRY(t.each_history([&](const auto &entry) { return check.add(entry); }));
            return check.end();
        });
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
                                                        {5, Step::Verb::end},
                                                        {4, Step::Verb::activate},
                                                        {3, Step::Verb::now},
                                                        {3, Step::Verb::series},
                                                        {6, Step::Verb::change},
                                                        {1, Step::Verb::no_show},
                                                        {5, Step::Verb::preflight},
                                                        {1, Step::Verb::revoke}});
        s.changes = *inRange(0, 32);
        s.adjoins = *inRange(0, 3) == 0;
        s.which = *inRange(0, 1000);
        s.passes = *rc::gen::weightedOneOf<int>({{5, inRange(0, 6)}, {1, inRange(0, 80)}}) * k_tick;
        s.later = *inRange(1, 60) * k_tick;
        wire::ReservationRequest &r = s.request;
        r.start = UtcTime{} +
                  (s.adjoins ? *inRange(0, 4) : *inRange(-3, 120)) * k_tick; // counted: see below
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
            if (!s.books() && model.all.empty())
                continue;
            model.place(s, now);
            if (!model.all.empty())
                s.which %= static_cast<int>(model.all.size());
            const std::string expected = s.verb == Step::Verb::series ? model.series(s, now)
                                         : s.books()
                                             ? model.book(s.request, now, s.verb == Step::Verb::now)
                                             : model.act(s, now);
            ++seen[expected.substr(0, 3)];
            if (!std::isdigit(expected.front()))
                ++seen[fmt::format("verb {}", static_cast<int>(s.verb))];
            for (std::size_t world = 0; world < worlds.ledgers.size(); ++world) {
                RC_LOG() << "ledger " << world << ", verb " << static_cast<int>(s.verb) << '\n';
                RC_ASSERT(worlds.answer(world, s, now) == expected);
                for (const wire::Alternative &a : worlds.alternatives)
                    RC_ASSERT(model.can_be(a, now));
                seen["offered"] += static_cast<int>(worlds.alternatives.size());
            }
        }
        for (std::size_t world = 0; world < worlds.ledgers.size(); ++world)
            RC_ASSERT(worlds.check_histories(world).has_value());
        seen["drained"] += model.drained;
        seen["tried"] += model.tried;
        seen["partly"] += model.partly;
        seen["preflight refused"] += model.preflights_refused;
    }));
    for (const char *kind : {"boo", "hel", "act", "can", "end", "no_", "rev", "409", "410", "422",
                             "offered", "drained", "tried", "preflight refused", "partly"})
        CHECK_MESSAGE(seen[kind] > 0, std::string(kind));
    for (int verb = 0; verb <= static_cast<int>(Step::Verb::revoke); ++verb)
        CHECK_MESSAGE(seen[fmt::format("verb {}", verb)] > 0, verb);
}
