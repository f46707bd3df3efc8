#include "client_server.hpp"
#include "stepped_clock.hpp"

using base::Errc;
using base::Millis;
using test::Control;
using test::json;
using test::SteppedClock;

namespace {

net::Response problem(int status) {
    return json(status,
                fmt::format(R"({{"status":{},"code":"full","title":"Full",)"
                            R"("detail":"lineA is full","hint":"try lineB",)"
                            R"("shortfalls":[{{"resource":"carrier:lineA:lines","needed":1,)"
                            R"("available":0,"from":"2026-11-22T18:00:00Z",)"
                            R"("to":"2026-11-22T19:00:00Z"}}]}})",
                            status));
}

} // namespace

TEST_CASE("client: requests arrive signed, with digest and key") {
    Control control([](const net::Request &) { return json(200, "{}"); });
    client::Api api = control.api();
    REQUIRE(api.get("/v1/reservations").has_value());
    REQUIRE(api.get("/v1/availability?from=2026-11-22T18%3A00%3A00Z&carrier=a").has_value());
    REQUIRE(api.post("/v1/reservations", R"({"a":1})", "key-1").has_value());
    REQUIRE(control.seen.size() == 3);
    for (const test::Seen &one : control.seen)
        CHECK(one.signature_good);
    const net::Request &post = control.seen[2].request;
    CHECK(post.body == R"({"a":1})");
    CHECK(post.header("idempotency-key") == "\"key-1\"");
    CHECK(post.header("content-type") == "application/json");
    CHECK(control.seen[0].request.header("signature") !=
          control.seen[1].request.header("signature"));
}

TEST_CASE("client: problems become errors with control's words") {
    int status = 0;
    Control control([&](const net::Request &) { return problem(status); });
    client::Api api = control.api();
    const std::pair<int, Errc> table[] = {
        {400, Errc::refused},     {401, Errc::not_permitted}, {403, Errc::not_permitted},
        {404, Errc::refused},     {409, Errc::refused},       {410, Errc::refused},
        {413, Errc::refused},     {422, Errc::refused},       {429, Errc::try_again},
        {500, Errc::unavailable}, {502, Errc::unavailable},   {503, Errc::try_again}};
    for (const auto &[code, errc] : table) {
        status = code;
        const auto answer = api.get("/v1/reservations");
        REQUIRE_FALSE(answer.has_value());
        CHECK_MESSAGE(answer.error().code == errc, code);
        CHECK(answer.error().message == "control: lineA is full");
        CHECK(answer.error().hint == "try lineB");
        REQUIRE(api.problem().has_value());
        CHECK(api.problem()->status == code);
        REQUIRE(api.problem()->shortfalls.size() == 1);
        CHECK(api.problem()->shortfalls[0].resource == "carrier:lineA:lines");
    }
}

TEST_CASE("client: what is not control's is told apart from a refusal") {
    net::Response next;
    Control control([&](const net::Request &) { return next; });
    client::Api api = control.api();
    next = {.status = 302, .headers = {{"Location", "https://127.0.0.1:1/"}}, .body = ""};
    CHECK(api.get("/v1/x").error().code == Errc::protocol);
    next = {.status = 404, .headers = {{"Content-Type", "text/html"}}, .body = "<html>"};
    CHECK(api.get("/v1/x").error().message == "control answered with HTTP status 404");
    next = json(409, "{"); // a damaged problem document
    CHECK(api.get("/v1/x").error().code == Errc::refused);
    CHECK_FALSE(api.problem().has_value());
    next = json(200, "{\"a\":");
    CHECK(api.get("/v1/x")->json().error().code == Errc::protocol);
    next = {.status = 200, .headers = {}, .body = ""};
    next.body.resize(9'000'000, ' ');
    CHECK(api.get("/v1/x").error().code == Errc::protocol);
    control.stop();
    CHECK(api.get("/v1/x").error().code == Errc::unavailable);
}

TEST_CASE("client: a machine with a wrong clock signs by control's") {
    for (const Millis offset : {Millis{-3'600'000}, Millis{86'400'000}}) {
        Control control([](const net::Request &) { return json(200, "{}"); }, offset);
        client::Api api = control.api();
        CHECK(api.get("/v1/reservations").has_value());
        REQUIRE(control.seen.size() == 2);
        CHECK_FALSE(control.seen[0].signature_good);
        CHECK(control.seen[1].signature_good);
        CHECK(api.post("/v1/reservations", "{}", "k").has_value());
        CHECK(control.seen.size() == 3); // the offset is remembered
    }
}

TEST_CASE("client: a wall clock that is stepped later does not end the conversation") {
    Control control([](const net::Request &) { return json(200, "{}"); });
    SteppedClock clock;
    client::Api api = control.api(&clock);
    const auto refused = [&] {
        return std::ranges::count(control.seen, false, &test::Seen::signature_good);
    };
    REQUIRE(api.get("/v1/x").has_value());
    CHECK(refused() == 0);
    for (const Millis step : {Millis{3'600'000}, Millis{-86'400'000}}) {
        clock.step(step);
        CHECK(api.get("/v1/x").has_value());
        CHECK(refused() == 1); // from then on control's time counts, not the wall clock
    }
}

TEST_CASE("client: the clock is compared again, but not at every refusal") {
    Control control([](const net::Request &) { return json(200, "{}"); });
    base::FakeClock clock{base::SystemClock{}.now() + std::chrono::hours{1}};
    client::Api api = control.api(&clock);
    control.time_status = 503;
    CHECK(api.get("/v1/x").error().code == Errc::not_permitted);
    control.time_status = 200; // a comparison that failed is none
    CHECK(api.get("/v1/x").has_value());
    clock.advance(std::chrono::hours{1}); // the monotonic clock is off as well
    CHECK(api.get("/v1/x").has_value());

    const auto stranger = seal::SigningKey::generate();
    auto other = client::Api::open(control.target(), &stranger, &clock);
    REQUIRE(other.has_value());
    control.time_asked = 0;
    for (int i = 0; i < 3; ++i)
        CHECK(other->get("/v1/x").error().code == Errc::not_permitted);
    CHECK(control.time_asked == 1);
    clock.advance(base::Seconds{30});
    CHECK(other->get("/v1/x").error().code == Errc::not_permitted);
    CHECK(control.time_asked == 2);
}

TEST_CASE("client: a refused key is not tried again and again") {
    Control control([](const net::Request &) { return json(200, "{}"); });
    const auto stranger = seal::SigningKey::generate();
    auto api = client::Api::open(control.target(), &stranger);
    REQUIRE(api.has_value());
    CHECK(api->get("/v1/reservations").error().code == Errc::not_permitted);
    CHECK(control.seen.size() == 1);
}

TEST_CASE("client: control's clock is the median of five, corrected by the round trip") {
    const Millis offset{7'200'000};
    Control control([](const net::Request &) { return json(200, "{}"); }, offset);
    auto api = client::Api::open(control.target(), nullptr);
    REQUIRE(api.has_value());
    const base::SystemClock clock;
    const auto reading = client::measure_clock(*api, clock);
    REQUIRE(reading.has_value());
    CHECK(std::chrono::abs(reading->offset - offset) <= reading->round_trip + Millis{5});
    base::ControlClock kept(clock);
    kept.set_offset(reading->steady_offset());
    CHECK(std::chrono::abs(kept.wall_offset() - offset) <= reading->round_trip + Millis{5});
    control.stop();
    CHECK(client::measure_clock(*api, clock).error().code == Errc::unavailable);
}

TEST_CASE("client: addresses and keys of the wrong form are refused") {
    CHECK(client::Api::open({}, nullptr).error().code == Errc::config);
    CHECK(client::Api::open({.url = "http://a", .cacert = "", .interface = ""}, nullptr)
              .error()
              .code == Errc::usage);
    CHECK(client::Api::open({.url = "https://a", .cacert = "", .interface = "nonesuch0"}, nullptr)
              .error()
              .code == Errc::unavailable);
    Control control([](const net::Request &) { return json(200, "{}"); });
    client::Api api = control.api();
    for (const char *key : {"", "a b", "a\"b", "é"})
        CHECK(api.post("/v1/x", "{}", key).error().code == Errc::bug);
    CHECK(control.seen.empty());
}
