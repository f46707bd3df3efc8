#include "relay/ingest_admission.hpp"
#include "relay/ingest_session.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace std::chrono_literals;
using wire::IngestRefusal;

namespace {

const base::UtcTime k_start = base::from_unix_ms(1'795'000'000'000);
const base::Id k_id = base::Id::make(k_start, {1});

struct World {
    base::FakeClock clock{k_start};
    base::ControlClock by_control{clock};
    seal::SigningKey control = seal::SigningKey::generate();
    AdmissionKeys keys;
    AdmissionTable table;

    World() {
        keys.audience = seal::short_hash("r1");
        keys.control = control.public_key();
        AdmissionEntry entry;
        entry.terms.reservation = k_id;
        entry.terms.channel = "studio1";
        entry.terms.window = {.start = k_start, .end = k_start + 1min, .lead_in = 10s, .drain = 5s};
        entry.terms.generation = 3;
        entry.terms.max_rate = {6'000'000};
        table.entries[k_id] = entry;
    }
    AdmissionEntry &entry() { return table.entries[k_id]; }

    // A ticket whose own window says nothing, since the feed's counts.
    [[nodiscard]] seal::Ticket ticket() const {
        seal::Ticket t;
        t.ticket_id = {9};
        t.reservation = k_id;
        t.not_before = k_start - 24h;
        t.expiry = k_start + 24h;
        t.generation = 3;
        t.audience = seal::short_hash("r1");
        return t;
    }
    [[nodiscard]] Verdict show(const seal::Ticket &t, std::uint8_t instance = 1,
                               unsigned path = 0) const {
        return decide(
            seal::format_stream_id(
                {.ticket = seal::issue_ticket(t, control), .instance = {instance}, .path = path}),
            table, keys, by_control);
    }
    [[nodiscard]] Verdict show_bare() const {
        return decide(seal::issue_ticket(ticket(), control), table, keys, by_control);
    }
    std::shared_ptr<LiveSession> live(std::int64_t stream, std::uint8_t instance,
                                      unsigned path = 0) {
        auto session = std::make_shared<LiveSession>();
        session->stream = stream;
        session->generation = 3;
        session->instance = {instance};
        session->path = path;
        session->delivered = clock.steady();
        entry().live.push_back(session);
        return session;
    }
};

IngestRefusal refusal(const Verdict &v) {
    return v ? IngestRefusal{0} : v.error().why;
}
using Streams = std::vector<std::int64_t>;

} // namespace

TEST_CASE("relay: a good ticket is admitted, in each form of the stream id") {
    World w;
    CHECK(w.show(w.ticket()).has_value());
    CHECK(w.show_bare().has_value());
    const std::string text = seal::issue_ticket(w.ticket(), w.control);
    CHECK(decide("#!::m=publish,s=" + text, w.table, w.keys, w.by_control).has_value());
}

TEST_CASE("relay: what is no ticket of this control is refused as a bad ticket") {
    World w;
    CHECK(refusal(decide("", w.table, w.keys, w.by_control)) == IngestRefusal::bad_ticket);
    CHECK(refusal(decide(std::string(512, 'A'), w.table, w.keys, w.by_control)) ==
          IngestRefusal::bad_ticket);
    CHECK(refusal(decide(std::string(198, 'A'), w.table, w.keys, w.by_control)) ==
          IngestRefusal::bad_ticket);
    std::string bent = seal::issue_ticket(w.ticket(), w.control);
    bent[100] = bent[100] == 'A' ? 'B' : 'A';
    CHECK(refusal(decide(bent, w.table, w.keys, w.by_control)) == IngestRefusal::bad_ticket);
    w.control = seal::SigningKey::generate();
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::bad_ticket);
}

TEST_CASE("relay: a ticket for another relay or another use is refused as such") {
    World w;
    seal::Ticket t = w.ticket();
    t.audience = seal::short_hash("r2");
    CHECK(refusal(w.show(t)) == IngestRefusal::wrong_relay);
    t = w.ticket();
    t.mode = seal::TicketMode::play;
    CHECK(refusal(w.show(t)) == IngestRefusal::wrong_use);
}

TEST_CASE("relay: the feed knows the reservation, its state and its generation") {
    World w;
    seal::Ticket t = w.ticket();
    t.generation = 2;
    CHECK(refusal(w.show(t)) == IngestRefusal::withdrawn);
    t.generation = 4; // the feed is late
    CHECK(w.show(t).has_value());
    w.entry().withdrawn = true;
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::withdrawn);
    // relay-serve withdraws an event at its end too; the publisher hears that it has ended.
    w.clock.advance(2min);
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::ended);
    w.table.entries.clear();
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::unknown);
    w.clock.advance(25h); // forgotten here, but the ticket tells why
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::ended);
}

TEST_CASE("relay: the window of the feed decides, half-open, by control's clock") {
    World w;
    auto at = [&](base::Millis since_start) {
        w.clock = base::FakeClock{k_start + since_start};
        return refusal(w.show(w.ticket()));
    };
    CHECK(at(-10'001ms) == IngestRefusal::too_early);
    CHECK(at(-10'000ms) == IngestRefusal{0});
    CHECK(at(64'999ms) == IngestRefusal{0});
    CHECK(at(65'000ms) == IngestRefusal::ended);
    w.by_control.set_wall_offset(-1ms); // this machine is a millisecond ahead of control
    CHECK(at(65'000ms) == IngestRefusal{0});
    w.by_control.set_wall_offset(0ms);
    w.entry().terms.window.end += 1min; // extended
    CHECK(at(65'000ms) == IngestRefusal{0});
}

TEST_CASE("relay: who was closed for sending too much is told so for three seconds, and no other") {
    World w;
    w.entry().over_rate = {.instance = {1}, .until = w.clock.steady() + k_over_rate_for};
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::over_rate);
    CHECK(refusal(w.show(w.ticket(), 1, 1)) == IngestRefusal::over_rate); // its other path
    CHECK(refusal(w.show(w.ticket(), 2)) == IngestRefusal{0});
    CHECK(refusal(w.show_bare()) == IngestRefusal{0});
    w.entry().over_rate->instance = {}; // nobody knows which of those it was
    CHECK(refusal(w.show_bare()) == IngestRefusal::over_rate);
    w.entry().over_rate->instance = {1};
    seal::Ticket trial = w.ticket();
    trial.mode = seal::TicketMode::preflight;
    CHECK(refusal(w.show(trial)) == IngestRefusal{0});
    w.clock.advance(2999ms);
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::over_rate);
    w.clock.advance(1ms);
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal{0});
}

TEST_CASE("relay: a step of the machine's clock neither ends an event nor opens one early") {
    World w;
    w.clock.step(1h);
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal{0});
    w.clock.step(-2h);
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal{0});
    w.clock.advance(65s);
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::ended);
    w.entry().terms.window.start += 1h;
    w.entry().terms.window.end += 1h;
    w.clock.step(2h);
    CHECK(refusal(w.show(w.ticket())) == IngestRefusal::too_early);
}

TEST_CASE("relay: the same instance replaces its path at once, and may have another path") {
    World w;
    w.live(7, 1, 0);
    auto v = w.show(w.ticket(), 1, 0);
    REQUIRE(v.has_value());
    CHECK(v->replaces == Streams{7});
    v = w.show(w.ticket(), 1, 1);
    REQUIRE(v.has_value());
    CHECK(v->replaces.empty());
}

TEST_CASE("relay: another instance waits until the first is silent for two seconds") {
    World w;
    const auto first = w.live(7, 1);
    w.live(8, 1, 1);
    CHECK(refusal(w.show(w.ticket(), 2)) == IngestRefusal::busy);
    w.clock.advance(1999ms);
    CHECK(refusal(w.show(w.ticket(), 2)) == IngestRefusal::busy);
    first->delivered = w.clock.steady(); // one path is enough
    w.clock.advance(1ms);
    CHECK(refusal(w.show(w.ticket(), 2)) == IngestRefusal::busy);
    w.clock.advance(2s);
    const auto v = w.show(w.ticket(), 2);
    REQUIRE(v.has_value());
    CHECK(v->replaces == Streams{7, 8});
}

TEST_CASE("relay: a higher generation takes over from a publisher that is live") {
    World w;
    w.live(7, 1);
    seal::Ticket t = w.ticket();
    t.generation = 4;
    const auto v = w.show(t, 2);
    REQUIRE(v.has_value());
    CHECK(v->replaces == Streams{7});
}

TEST_CASE("relay: two bare tickets do not throw each other out") {
    World w;
    w.live(7, 0);
    CHECK(refusal(w.show_bare()) == IngestRefusal::busy);
    w.clock.advance(2s);
    CHECK(w.show_bare().has_value());
}

TEST_CASE("relay: a live session ends with its window, its withdrawal and its generation") {
    World w;
    const AdmissionEntry &entry = w.entry();
    CHECK_FALSE(must_end(&entry, 3, k_start).has_value());
    CHECK_FALSE(must_end(&entry, 4, k_start).has_value());
    CHECK(must_end(&entry, 2, k_start) == "withdrawn");
    CHECK(must_end(nullptr, 3, k_start) == "withdrawn");
    CHECK_FALSE(must_end(&entry, 3, k_start + 64'999ms).has_value());
    CHECK(must_end(&entry, 3, k_start + 65s) == "ended");
    CHECK(must_end(&entry, 3, k_start - 11s) == "too_early");
    w.entry().withdrawn = true;
    CHECK(must_end(&entry, 3, k_start) == "withdrawn");
    CHECK(must_end(&entry, 3, k_start + 65s) == "ended"); // and withdrawn for that
}

TEST_CASE("relay: who leaves after the programme's end has ended, who leaves before is lost") {
    const World w;
    const AdmissionEntry *entry = w.table.find(k_id);
    CHECK(gone_reason(entry, k_start) == "lost");
    CHECK(gone_reason(entry, k_start + 59'999ms) == "lost");
    CHECK(gone_reason(entry, k_start + 60s) == "ended");
    CHECK(gone_reason(nullptr, k_start + 60s) == "lost");
}

TEST_CASE("relay: a rate is exceeded after two seconds above it, not by one burst") {
    base::FakeClock clock{k_start};
    const base::BitRate most{800'000}; // 100'000 bytes a second
    const auto run = [&](std::size_t bytes_per_10ms, base::Millis how_long) {
        media::RateMeter meter;
        for (auto t = 0ms; t < how_long; t += 10ms) {
            meter.add(clock.steady(), bytes_per_10ms);
            if (over_rate(meter, most, clock.steady()))
                return true;
            clock.advance(10ms);
        }
        return false;
    };
    CHECK_FALSE(run(1000, 5s));
    CHECK_FALSE(run(1080, 5s));
    CHECK(run(1200, 5s));
    CHECK_FALSE(run(1200, 1500ms));
    CHECK(run(3000, 1500ms)); // twice the rate is no burst
}

TEST_CASE("relay: keys that are none are refused without being told") {
    wire::IngestSetup setup;
    setup.relay = "r1";
    setup.control_key = seal::public_key_text(seal::SigningKey::generate().public_key());
    setup.group_key = "not!a!key";
    const auto keys = admission_keys(setup);
    REQUIRE_FALSE(keys.has_value());
    CHECK(keys.error().message.find("not!a!key") == std::string::npos);
    setup.group_key = seal::to_base64url(seal::random_bytes(32));
    CHECK(admission_keys(setup).has_value());
    setup.control_key = "AAAA";
    CHECK_FALSE(admission_keys(setup).has_value());
}

TEST_CASE("relay: a preflight is admitted within its ticket's time, beside a publisher") {
    World w;
    seal::Ticket t = w.ticket();
    t.mode = seal::TicketMode::preflight;
    t.not_before = k_start - 1h;
    t.expiry = k_start - 30min;
    w.clock.advance(k_start - 1h - 1ms - w.clock.now());
    CHECK(refusal(w.show(t)) == IngestRefusal::too_early);
    w.clock.advance(k_start - 1h - w.clock.now());
    CHECK(w.show(t).has_value());
    const auto publisher = w.live(1, 1);
    CHECK(w.show(t, 2)->replaces.empty());
    const auto preflight = w.live(2, 2);
    preflight->preflight = t.expiry;
    CHECK(refusal(w.show(t, 3)) == IngestRefusal::busy);
    CHECK(w.show(t, 2)->replaces == Streams{2});
    t.generation = 2;
    CHECK(refusal(w.show(t, 2)) == IngestRefusal::withdrawn);
    t.generation = 3;
    w.clock.advance(k_start - 30min - w.clock.now());
    CHECK(refusal(w.show(t, 2)) == IngestRefusal::ended);
    w.clock.advance(k_start - w.clock.now());
    w.live(3, 3)->preflight = k_start + 1min; // no publisher waits for a preflight
    publisher->delivered = w.clock.steady();
    CHECK(w.show(w.ticket(), 1)->replaces == Streams{1});
    w.entry().withdrawn = true;
    t.expiry = k_start + 1min;
    CHECK(refusal(w.show(t)) == IngestRefusal::withdrawn);
    t.mode = seal::TicketMode::play;
    CHECK(refusal(w.show(t)) == IngestRefusal::wrong_use);
}

TEST_CASE("relay: a preflight ends after a minute, with its ticket, and with its reservation") {
    World w;
    const auto live = w.live(1, 1);
    live->begun = w.clock.steady();
    live->preflight = k_start + 10min;
    const auto why = [&](base::Millis later) {
        return must_end(&w.entry(), *live, k_start + later, live->begun + later).value_or("");
    };
    CHECK(why(0ms).empty());
    CHECK(why(59'999ms).empty());
    CHECK(why(60s) == "ended");
    live->preflight = k_start + 10s;
    CHECK(why(9'999ms).empty());
    CHECK(why(10s) == "ended");
    w.entry().withdrawn = true;
    CHECK(why(0ms) == "withdrawn");
    w.entry().withdrawn = false;
    w.entry().terms.generation = 4;
    CHECK(why(0ms) == "withdrawn");
    CHECK(must_end(nullptr, *live, k_start, live->begun) == "withdrawn");
}
