// Preflights: who gets a ticket to try the line, when, what that takes, and what ends it.
#include "control_fixture.hpp"
#include "seal/ticket.hpp"

using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using wire::JsonObject;

namespace {

wire::Json time(base::UtcTime t) {
    wire::Json out;
    out = base::format_rfc3339(t);
    return out;
}

struct Tried : Fixture {
    using Fixture::Fixture;

    Got preflight(const Got &booked, const control_test::Actor &who) {
        return act(who, booked.id(), "settings", JsonObject{{"preflight", true}});
    }
    Got preflight(const Got &booked) { return preflight(booked, alice); }

    [[nodiscard]] std::optional<seal::Ticket> ticket(const Got &got) const {
        const auto text = open(got, alice).stream.preflight_ticket;
        if (!text)
            return std::nullopt;
        return seal::open_ticket(*text, keys.signing.public_key()).value();
    }
    // What is taken of a resource right now.
    [[nodiscard]] std::int64_t taken(const std::string &resource) {
        std::int64_t sum = 0;
        REQUIRE(ledger->read([&](ledger::Transaction &t) -> base::Result<void> {
            for (const auto &load :
                 TRY(t.loads({resource}, {now(), now() + seconds{1}}, now(), std::nullopt)))
                sum += load.units;
            return {};
        }));
        return sum;
    }
    // A booking of @p rate that is on in a minute, on channel two over @p carriers.
    Got rival(std::int64_t rate, std::vector<std::string> carriers) {
        auto other = wish();
        other.channel = "two";
        other.start = now() + minutes{1};
        other.end = other.start + minutes{5};
        other.rate = {rate};
        other.carriers = std::move(carriers);
        return book(bob, other);
    }
};

} // namespace

TEST_CASE("control: a preflight has a ticket from its issue on, and takes the way in") {
    Tried f;
    const auto booked = f.book(f.alice, f.wish());
    CHECK_FALSE(f.ticket(booked));
    CHECK(f.taken("relay:r1:ingest") == 0);

    const auto got = f.preflight(booked);
    REQUIRE(got.status == 200);
    const auto ticket = f.ticket(got);
    REQUIRE(ticket);
    CHECK(ticket->mode == seal::TicketMode::preflight);
    CHECK(ticket->not_before == f.now());
    CHECK(ticket->expiry == f.now() + minutes{5});
    CHECK(ticket->max_kbps == 4000);
    // The passphrase of the settings goes with both.
    const auto settings = f.open(got, f.alice);
    const auto publish =
        seal::open_ticket(settings.stream.ticket, f.keys.signing.public_key()).value();
    CHECK(publish.mode == seal::TicketMode::publish);
    CHECK(publish.not_before == settings.window.opens());
    CHECK(publish.ticket_id == ticket->ticket_id);
    CHECK(publish.generation == ticket->generation);
    CHECK(publish.audience == ticket->audience);
    CHECK(publish.reservation == ticket->reservation);

    CHECK(f.taken("relay:r1:ingest") == 4'000'000);
    CHECK(f.taken("relay:r1:streams") == 1);
    CHECK(f.taken("carrier:a:lines") == 1);
    CHECK(f.taken("carrier:a:bits") == 5'100'000);
    CHECK(f.taken("distributor:alice:at_once") == 1);
    CHECK(f.taken("channel:one") == 0);
    CHECK(f.taken("relay:r1:egress") == 0);

    // Settings that are asked for again have it as long as it is valid.
    f.clock.advance(minutes{5} - seconds{1});
    CHECK(f.ticket(f.act(f.alice, booked.id(), "settings"))->expiry == ticket->expiry);
    CHECK(f.taken("relay:r1:streams") == 1);
    f.clock.advance(seconds{1});
    CHECK_FALSE(f.ticket(f.act(f.alice, booked.id(), "settings")));
    CHECK(f.taken("relay:r1:streams") == 0);
}

TEST_CASE("control: a second preflight is instead of the first, and ends before the window") {
    Tried f;
    const auto booked = f.book(f.alice, f.wish());
    const auto first = f.ticket(f.preflight(booked));
    f.clock.advance(minutes{2});
    const auto second = f.ticket(f.preflight(booked));
    CHECK(second->expiry == first->expiry + minutes{2});
    CHECK(f.taken("relay:r1:streams") == 1);
    CHECK(f.taken("carrier:a:lines") == 1);
    const auto opens = f.wish().start - minutes{2} - seconds{10};
    f.clock.advance(opens - f.now() - minutes{1});
    CHECK(f.ticket(f.preflight(booked))->expiry == opens);
    f.clock.advance(minutes{1} - seconds{1});
    CHECK(f.ticket(f.preflight(booked))->not_before == opens - seconds{1});
    f.clock.advance(seconds{1});
    const auto late = f.preflight(booked);
    CHECK(late.status == 409);
    CHECK(late.code() == "window_open");
}

TEST_CASE("control: a preflight is of what is booked, and of one's own") {
    Tried f;
    auto wish = f.wish();
    wish.hold = true;
    const auto held = f.book(f.alice, wish);
    CHECK(f.preflight(held).code() == "wrong_state");
    CHECK(f.preflight(held, f.bob).code() == "not_found");
    const auto booked = f.act(f.alice, held.id(), "commit");
    CHECK(f.preflight(booked, f.bob).status == 404);
    CHECK(f.preflight(booked, f.relay).status == 403);
    CHECK(f.taken("relay:r1:streams") == 0);
    // An operator may ask; the settings are sealed to the owner all the same.
    CHECK(f.ticket(f.preflight(booked, f.boss)));
    for (const auto &[body, status] :
         {std::pair{JsonObject{{"preflight", "yes"}}, 422},
          std::pair{JsonObject{{"preflight", true}, {"new_generation", true}}, 422},
          std::pair{JsonObject{{"preflight", false}}, 200}})
        CHECK(f.act(f.alice, booked.id(), "settings", body).status == status);
    REQUIRE(f.act(f.alice, booked.id(), "cancel").status == 200);
    CHECK(f.taken("relay:r1:streams") == 0); // with the reservation it is over
    CHECK(f.preflight(booked).code() == "wrong_state");
}

TEST_CASE("control: a full relay refuses a preflight, and a preflight fills it") {
    Tried f;
    auto wish = f.wish();
    wish.carriers = {"b"}; // which has one line
    const auto booked = f.book(f.alice, wish);
    const auto rival = f.rival(8'000'000, {"a", "b"});
    REQUIRE(rival.status == 201);
    // Until a lead-in before the rival it is free, and what is asked for is five minutes.
    const auto refused = f.preflight(booked);
    CHECK(refused.status == 409);
    CHECK(refused.code() == "no_capacity");
    const auto &shortfall = refused.body.at("shortfalls").at(0);
    CHECK(shortfall.at("resource") == "carrier:b:lines");
    CHECK(shortfall.at("needed") == 1);
    CHECK(shortfall.at("available") == 0);
    CHECK(shortfall.at("from") == time(f.now() + seconds{50}));
    CHECK(f.taken("relay:r1:streams") == 0);
    CHECK(refused.text.find("bob") == refused.text.npos);
    // Nor does a booking get what a preflight has.
    REQUIRE(f.act(f.bob, rival.id(), "cancel").status == 200);
    REQUIRE(f.preflight(booked).status == 200);
    const auto again = f.rival(8'000'000, {"b"});
    CHECK(again.status == 409);
    CHECK(again.body.at("shortfalls").at(0).at("resource") == "carrier:b:lines");
    // What the menu says of it.
    const auto slot = [&] {
        const auto menu =
            f.get(f.bob, fmt::format("/v1/availability?from={}&to={}&duration_s=60&rate_bps=1000000"
                                     "&channel=two&carrier=b",
                                     base::format_rfc3339(f.now() + minutes{1}),
                                     base::format_rfc3339(f.now() + minutes{30})));
        return menu.body.at("slots").at(0).at("start");
    };
    CHECK(slot() == time(f.now() + minutes{5} + seconds{10}));
    CHECK(f.rival(1'000'000, {"a"}).status == 201);
    f.clock.advance(minutes{5});
    CHECK(f.rival(8'000'000, {"b"}).status == 409); // the channel
    CHECK(f.preflight(booked).status == 200);       // the line
}

TEST_CASE("control: maintenance and quotas hold for preflights") {
    const auto now = base::from_unix_ms(1'790'000'000'000);
    Tried f{fmt::format("{}[distributors.alice]\nat_once = 1\n[maintenance.works]\n"
                        "resource = \"carrier:a\"\nfrom = \"{}\"\nto = \"{}\"\n",
                        control_test::k_config, base::format_rfc3339(now + minutes{2}),
                        base::format_rfc3339(now + minutes{20}))};
    const auto booked = f.book(f.alice, f.wish());
    const auto refused = f.preflight(booked);
    CHECK(refused.code() == "no_capacity");
    CHECK(refused.field("detail").find("maintenance (works)") != std::string::npos);
    auto wish = f.wish();
    wish.channel = "two";
    wish.carriers = {"b"};
    wish.start = f.now() + minutes{2};
    wish.end = wish.start + minutes{5};
    const auto other = f.book(f.alice, wish);
    REQUIRE(other.status == 201);
    f.clock.advance(minutes{20});
    CHECK(f.preflight(booked).status == 200);
    wish.start = f.now() + minutes{2};
    wish.end = wish.start + minutes{5};
    const auto over = f.book(f.alice, wish);
    CHECK(over.code() == "over_quota");
}

TEST_CASE("control: another ticket ends a preflight, another title does not") {
    Tried f;
    const auto booked = f.book(f.alice, f.wish());
    const auto renewed = [&](const Got &got) {
        REQUIRE(got.status == 200);
        const bool none = !f.ticket(got);
        CHECK(f.taken("relay:r1:streams") == (none ? 0 : 1));
        REQUIRE(f.preflight(booked).status == 200);
        return none;
    };
    REQUIRE(f.preflight(booked).status == 200);
    CHECK(f.taken("relay:r1:streams") == 1);
    CHECK_FALSE(renewed(f.patch(f.alice, booked.id(), JsonObject{{"title", "Another"}})));
    CHECK_FALSE(renewed(f.patch(f.alice, booked.id(), JsonObject{{"viewers", 3}})));
    CHECK(renewed(f.patch(f.alice, booked.id(), JsonObject{{"rate_bps", 3'000'000}})));
    CHECK(renewed(f.act(f.alice, booked.id(), "settings", JsonObject{{"new_generation", true}})));
    // Now its window itself needs the line that its own preflight has.
    const auto start = base::format_rfc3339(f.now() + minutes{1});
    CHECK(f.patch(f.alice, booked.id(),
                  JsonObject{{"start", start}, {"carriers", wire::JsonArray{"b"}}})
              .status == 200);
    CHECK(f.taken("carrier:b:lines") == 0);
    const auto history =
        f.get(f.alice, "/v1/reservations/" + booked.id() + "/history").body.at("history");
    const auto &second = history.as_array().at(1);
    CHECK(second.at("verb") == "preflight");
    CHECK(second.at("changes").as_object().size() == 2);
    CHECK(second.at("changes").at("preflight_until") == time(f.now() + minutes{5}));
    CHECK(history.as_array().back().at("changes").at("preflight_until").is_null());
}

TEST_CASE("control: the calendar shows what preflights take") {
    Tried f;
    const auto booked = f.book(f.alice, f.wish());
    REQUIRE(f.preflight(booked).status == 200);
    const auto day = [&](const control_test::Actor &who) {
        return f.get(who, fmt::format("/v1/calendar?from={}&to={}", base::format_rfc3339(f.now()),
                                      base::format_rfc3339(f.now() + minutes{10})));
    };
    const auto seen = day(f.bob);
    REQUIRE(seen.status == 200);
    CHECK(seen.body.at("bookings").as_object().empty());
    CHECK(seen.body.at("busy").as_object().empty());
    CHECK(seen.body.at("load").at("relay:r1:ingest").at(0).at("used") == 4'000'000);
    CHECK(seen.body.at("load").at("relay:r1:ingest").at(0).at("to") == time(f.now() + minutes{5}));
    CHECK_FALSE(seen.body.at("load").as_object().contains("relay:r1:egress"));
}
