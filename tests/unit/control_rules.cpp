// Maintenance, quotas and fees, as control applies them.
#include "control_fixture.hpp"
#include "resv/quota.hpp"

using base::Seconds;
using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

const base::UtcTime k_now = control_test::Clock{}.now();

std::string text(std::string_view rules, std::string_view top = "") {
    return std::string(top) + std::string(control_test::k_config) + std::string(rules);
}

std::string at(base::Millis after) {
    return base::format_rfc3339(k_now + after);
}

// From one hour to two after the start of the test: when Fixture::wish() is.
std::string maintenance(std::string_view resource, std::string_view more = "") {
    return fmt::format("[maintenance.works]\nresource = \"{}\"\nfrom = \"{}\"\nto = \"{}\"\n{}\n",
                       resource, at(minutes{90}), at(minutes{100}), more);
}

std::vector<std::string> shortfalls(const Got &got) {
    std::vector<std::string> out;
    const auto problem = wire::read_problem(got.body, "problem").value();
    out.reserve(problem.shortfalls.size());
    for (const auto &s : problem.shortfalls)
        out.push_back(fmt::format("{} {}/{}", s.resource, s.available, s.needed));
    return out;
}

std::int64_t fee(const wire::Json &record) {
    return record.at("fee").at("minor").as_int64();
}

} // namespace

TEST_CASE("control: maintenance takes its place, whole or in part, and says so") {
    struct Case {
        std::string_view resource, more;
        std::vector<std::string> expected;
    };
    for (const Case &c : std::vector<Case>{
             {"channel:one", "", {"channel:one 0/1"}},
             {"relay:r1:streams", "", {"relay:r1:streams 0/1"}},
             {"relay:r1:streams", "units = 1", {}},
             {"relay:r1:egress", "rate = \"970M\"", {"relay:r1:egress 30000000/40000000"}},
             {"relay:r1:egress", "rate = \"960M\"", {}},
             {"carrier:a", "", {"carrier:a:lines 0/1", "carrier:a:bits 0/5100000"}},
             {"carrier:b", "", {}},
             {"channel:two", "", {}}}) {
        CAPTURE(c.resource);
        CAPTURE(c.more);
        Fixture f{text(maintenance(c.resource, c.more))};
        const auto wish = f.wish();
        const auto got = f.book(f.alice, wish);
        CHECK(got.status == (c.expected.empty() ? 201 : 409));
        if (c.expected.empty())
            continue;
        CHECK(shortfalls(got) == c.expected);
        CHECK(got.field("detail").ends_with(
            fmt::format("; maintenance (works) from {} to {}", at(minutes{90}), at(minutes{100}))));
        // The menu and the alternatives know of it, too.
        const auto menu =
            f.get(f.alice, fmt::format("/v1/availability?from={}&to={}&duration_s=3600"
                                       "&rate_bps=4000000&channel=one&carrier=a",
                                       base::format_rfc3339(wish.start),
                                       base::format_rfc3339(wish.start + hours{3})));
        const auto slot = wire::read_slot(menu.body.at("slots").at(0), "slot").value();
        CHECK(slot.start == k_now + minutes{100} + Seconds{10});
        const auto problem = wire::read_problem(got.body, "problem").value();
        for (const auto &a : problem.alternatives)
            CHECK(f.post(f.alice, "/v1/reservations",
                         wire::JsonObject{{"offer", a.offer}, {"hold", true}})
                      .code() != "bad_offer");
    }
}

TEST_CASE("control: a quota bounds what is had at once, ahead and in a month") {
    Fixture f{text("[distributors.alice]\nat_once = 1\nahead = 2\nper_month = \"3h\"\n")};
    auto wish = f.wish();
    const auto first = f.book(f.alice, wish);
    REQUIRE(first.status == 201);
    wish.channel = "two";
    auto got = f.book(f.alice, wish);
    CHECK(got.status == 409);
    CHECK(got.code() == "over_quota");
    CHECK(shortfalls(got) == std::vector<std::string>{"distributor:alice:at_once 0/1"});
    // What is offered instead is at another time, and can be had.
    const auto others = wire::read_problem(got.body, "problem").value().alternatives;
    REQUIRE_FALSE(others.empty());
    CHECK(f.post(f.alice, "/v1/reservations",
                 wire::JsonObject{{"offer", others[0].offer}, {"hold", true}})
              .state() == "held");
    wish.start += hours{5};
    wish.end += hours{5};
    got = f.book(f.alice, wish);
    CHECK(got.code() == "over_quota");
    CHECK(shortfalls(got) == std::vector<std::string>{"distributor:alice:ahead 0/1"});
    CHECK(f.book(f.bob, wish).status == 201); // who has no quota
    f.clock.advance(minutes{6});              // the hold is over
    wish.channel = "one";
    wish.end += minutes{61};
    got = f.book(f.alice, wish);
    CHECK(shortfalls(got) == std::vector<std::string>{"distributor:alice:per_month 7200/7260"});
    wish.end -= minutes{1};
    const auto second = f.book(f.alice, wish);
    REQUIRE(second.status == 201);
    // An extension counts, and so does what has ended; what was cancelled does not.
    CHECK(f.act(f.alice, second.id(), "extend",
                {{"end", base::format_rfc3339(wish.end + minutes{1})}})
              .code() == "over_quota");
    f.act(f.alice, first.id(), "cancel");
    CHECK(
        f.act(f.alice, second.id(), "extend", {{"end", base::format_rfc3339(wish.end + hours{1})}})
            .status == 200);
}

TEST_CASE("control: the menu has what the caller's quota leaves, as booking judges it") {
    Fixture f{text("[distributors.alice]\nat_once = 1\n")};
    auto wish = f.wish();
    REQUIRE(f.book(f.alice, wish).status == 201);
    const auto menu = [&](const control_test::Actor &who) {
        const auto got = f.get(who, fmt::format("/v1/availability?from={}&to={}&duration_s=3600"
                                                "&rate_bps=4000000&channel=two&carrier=a",
                                                base::format_rfc3339(wish.start),
                                                base::format_rfc3339(wish.start + hours{3})));
        REQUIRE(got.status == 200);
        return wire::read_slot(got.body.at("slots").at(0), "slot").value().start;
    };
    // While hers lasts she gets no other, nor the second in which the two would overlap.
    const auto free = wish.end + Seconds{15};
    CHECK(menu(f.alice) == free);
    CHECK(menu(f.bob) == wish.start);
    CHECK(menu(f.boss) == wish.start);
    wish.channel = "two";
    wish.start = free - base::Millis{1};
    wish.end = wish.start + hours{1};
    CHECK(f.book(f.alice, wish).code() == "over_quota");
    wish.start = free;
    CHECK(f.book(f.alice, wish).status == 201);
}

TEST_CASE("control: the menu leaves out months that the quota is used up in, and says when all") {
    Fixture f{text("[distributors.alice]\nahead = 3\nper_month = \"3h\"\n")};
    auto wish = f.wish();
    const auto next = resv::month_of(wish.start).to;
    const auto menu = [&](const control_test::Actor &who, base::UtcTime from, base::UtcTime to) {
        return f.get(who, fmt::format("/v1/availability?from={}&to={}&duration_s=3600"
                                      "&rate_bps=4000000&channel=two&carrier=a",
                                      base::format_rfc3339(from), base::format_rfc3339(to)));
    };
    wish.end = wish.start + hours{2};
    REQUIRE(f.book(f.alice, wish).status == 201);
    // An hour is left: both months are one stretch.
    auto slots = menu(f.alice, next - hours{2}, next + hours{2}).body.at("slots").as_array();
    REQUIRE(slots.size() == 1);
    CHECK(wire::read_slot(slots[0], "slot").value().start == next - hours{2});
    CHECK(wire::read_slot(slots[0], "slot").value().latest_start == next + hours{1});
    wish.start += hours{5};
    wish.end = wish.start + minutes{1};
    REQUIRE(f.book(f.alice, wish).status == 201);
    slots = menu(f.alice, next - hours{2}, next + hours{2}).body.at("slots").as_array();
    REQUIRE(slots.size() == 1);
    CHECK(wire::read_slot(slots[0], "slot").value().start == next);
    // None of them is left for the last start of the month.
    const auto none = menu(f.alice, next - hours{3}, next + hours{1} - base::Millis{1});
    CHECK(none.status == 409);
    CHECK(none.code() == "over_quota");
    CHECK(shortfalls(none) == std::vector<std::string>{"distributor:alice:per_month 3540/3600"});
    CHECK(menu(f.bob, next - hours{3}, next).status == 200);
    CHECK(menu(f.boss, next - hours{3}, next).status == 200);
    wish.start = next;
    wish.end = next + minutes{1};
    REQUIRE(f.book(f.alice, wish).status == 201);
    const auto full = menu(f.alice, next, next + hours{5});
    CHECK(full.code() == "over_quota");
    CHECK(shortfalls(full) == std::vector<std::string>{"distributor:alice:ahead 0/1"});
}

TEST_CASE("control: a quota of none leaves nothing, and other people their place") {
    Fixture f{text("[distributors.alice]\nahead = 0\n")};
    CHECK(f.book(f.alice, f.wish()).code() == "over_quota");
    CHECK(f.book(f.bob, f.wish()).status == 201);
}

TEST_CASE("control: fees stand in menu, alternatives and booking, and grow with it") {
    Fixture f{text("[channels.one.fee]\nper_hour = 1000\nset_up = 50\n"
                   "[carriers.b.fee]\nper_minute = 7\n",
                   "currency = \"EUR\"\n")};
    auto wish = f.wish();
    wish.carriers = {"a", "b"};
    const auto got = f.book(f.alice, wish);
    REQUIRE(got.status == 201);
    CHECK(fee(got.reservation()) == 1000 + 50 + 60 * 7);
    CHECK(got.reservation().at("fee").at("currency").as_string() == "EUR");
    CHECK(fee(f.get(f.alice, "/v1/reservations/" + got.id()).reservation()) == 1470);
    const auto longer =
        f.act(f.alice, got.id(), "extend", {{"end", base::format_rfc3339(wish.end + minutes{10})}});
    CHECK(fee(longer.reservation()) == 1470 + 1000 + 70);
    const auto menu = f.get(f.alice, fmt::format("/v1/availability?from={}&to={}&duration_s=3601"
                                                 "&rate_bps=4000000&channel=one&carrier=a",
                                                 at(hours{4}), at(hours{6})));
    CHECK(fee(menu.body.at("slots").at(0)) == 2050);
    wish.carriers = {"a"};
    const auto problem = wire::read_problem(f.book(f.bob, wish).body, "problem").value();
    REQUIRE_FALSE(problem.alternatives.empty());
    for (const auto &a : problem.alternatives) {
        REQUIRE(a.fee);
        const auto taken = f.post(f.bob, "/v1/reservations", wire::JsonObject{{"offer", a.offer}});
        if (taken.status == 201) { // not in the way of one before it
            CHECK(fee(taken.reservation()) == a.fee->minor);
            f.act(f.bob, taken.id(), "cancel");
        }
    }
    Fixture free;
    CHECK_FALSE(free.book(free.alice, wish).reservation().as_object().contains("fee"));
}

TEST_CASE("control: what was quoted stays when the tariff changes; what is added costs the new") {
    Fixture f{text("[channels.one.fee]\nper_hour = 1000\n", "currency = \"EUR\"\n")};
    const auto wish = f.wish();
    const auto got = f.book(f.alice, wish);
    f.config.channel_fees.at("one").per_unit = 3000;
    const auto until = [&](base::Millis more) {
        return f.act(f.alice, got.id(), "extend", {{"end", base::format_rfc3339(wish.end + more)}});
    };
    CHECK(fee(f.get(f.alice, "/v1/reservations/" + got.id()).reservation()) == 1000);
    CHECK(fee(until(hours{1}).reservation()) == 4000);
    f.config.currency = "USD"; // another one: the quote stays as it is
    CHECK(fee(until(hours{2}).reservation()) == 4000);
}

TEST_CASE("control: a change lowers the fee until the window opens, and not from then on") {
    Fixture f{text("[channels.one.fee]\nper_hour = 1000\n[channels.two.fee]\nper_hour = 100\n",
                   "currency = \"EUR\"\n")};
    auto wish = f.wish();
    wish.end += hours{2};
    const auto id = f.book(f.alice, wish).id();
    const auto change = [&](const char *key, const std::string &value) {
        const auto got = f.patch(f.alice, id, wire::JsonObject{{key, value}});
        REQUIRE_MESSAGE(got.status == 200, got.text);
        return fee(got.reservation());
    };
    const auto until = [&](base::Millis after) {
        return change("end", base::format_rfc3339(wish.start + after));
    };
    f.clock.advance(hours{1} - Seconds{10} - base::Millis{1});
    CHECK(until(hours{2}) == 2000);
    f.clock.advance(base::Millis{1}); // the lead-in begins
    CHECK(until(minutes{1}) == 2000);
    CHECK(change("channel", "two") == 2000);
    CHECK(change("channel", "one") == 2000);
    REQUIRE(f.report("first_media", id).status == 200);
    CHECK(until(hours{1}) == 2000);
    CHECK(until(minutes{1}) == 2000);
    // What was paid for is not paid twice, more still costs more.
    CHECK(until(hours{2}) == 2000);
    CHECK(until(hours{2} + minutes{1}) == 3000);
    // A hold is nothing that is paid for.
    wish.hold = true;
    wish.channel = "two";
    wish.start = f.now() + Seconds{1};
    wish.end = wish.start + hours{2};
    const auto held = f.book(f.bob, wish);
    REQUIRE(fee(held.reservation()) == 200);
    const auto shorter = f.patch(
        f.bob, held.id(), wire::JsonObject{{"end", base::format_rfc3339(wish.start + hours{1})}});
    CHECK(fee(shorter.reservation()) == 100);
}

TEST_CASE("control: wrong rules are refused by file, line and key") {
    for (const auto &[top, rules, expected] :
         {std::tuple<const char *, std::string, std::string>{
              "", maintenance("channel:nine"), "maintenance.works.resource: is not there"},
          {"", maintenance("channel"), "maintenance.works.resource: is not there"},
          {"", maintenance("relay:r1", "units = 1"), "maintenance.works.units: does not go with"},
          {"", maintenance("relay:r1:egress", "units = 1"), "maintenance.works.units: does not"},
          {"", maintenance("relay:r1:streams", "rate = \"1M\""),
           "maintenance.works.rate: does not"},
          {"", maintenance("relay:r1:egress", "rate = \"2G\""), "maintenance.works.rate: is more"},
          {"", maintenance("relay:r1:streams", "units = 3"), "maintenance.works.units"},
          {"",
           "[maintenance.x]\nresource = \"channel:one\"\nfrom = \"2026-01-01T00:00:00Z\"\n"
           "to = \"2026-01-01T00:00:00Z\"\n",
           "maintenance.x.to: is not after from"},
          {"", "[maintenance.x]\nresource = \"channel:one\"\nfrom = \"tomorrow\"\nto = \"\"\n",
           "maintenance.x.from"},
          {"", "[distributors.alice]\nper_month = 3\n", "distributors.alice.per_month"},
          {"", "[distributors.alice]\nat_once = -1\n", "distributors.alice.at_once"},
          {"", "[channels.one.fee]\nper_hour = 1\n", "channels.one.fee: has no currency"},
          {"currency = \"Euro\"\n", "", "currency: is no code"},
          {"currency = \"EUR\"\n", "[channels.one.fee]\nper_hour = 1.5\n",
           "channels.one.fee.per_hour"},
          {"currency = \"EUR\"\n", "[channels.one.fee]\nper_hour = 1\nper_minute = 1\n",
           "channels.one.fee.per_minute: stands beside per_hour"}}) {
        CAPTURE(expected);
        const auto got =
            control::read_control(*conf::Table::parse(text(rules, top), "control.toml"));
        REQUIRE_FALSE(got);
        INFO(got.error().message);
        CHECK(got.error().message.starts_with("control.toml:"));
        CHECK(got.error().message.find(expected) != std::string::npos);
    }
}

TEST_CASE("control: rules are printed as they are read") {
    const auto config = control::read_control(*conf::Table::parse(
        text(maintenance("relay:r1:egress", "rate = \"1M\"") +
                 "[maintenance.all]\nresource = \"carrier:a\"\n"
                 "from = \"2026-01-01T00:00:00Z\"\nto = \"2026-01-02T00:00:00Z\"\n"
                 "[distributors.alice]\nat_once = 1\nahead = 2\n"
                 "per_month = \"3h\"\n[distributors.bob]\n"
                 "[channels.one.fee]\nper_hour = 1000\nset_up = 50\n"
                 "[carriers.b.fee]\nper_minute = 7\n"
                 "[channels.one.policy]\ngrid = \"15m\"\n",
             "currency = \"EUR\"\n"),
        "t"));
    REQUIRE(config);
    const std::string printed = control::print_control(*config);
    const auto again = control::read_control(*conf::Table::parse(printed, "t"));
    REQUIRE_MESSAGE(again, again.error().message);
    CHECK(control::print_control(*again) == printed);
    CHECK(again->maintenance.at("all").loads.size() == 2);
    CHECK(again->maintenance.at("works").loads.at(0).units == 1'000'000);
    CHECK(again->distributors.at("alice").per_month == hours{3});
    CHECK(again->policy_of("one").grid == minutes{15});
    CHECK(again->carrier_fees.at("b").unit == minutes{1});
}
