// Calendars of the API. tests/cli/resv-control-notify.bats has them read by others.
#include "control_fixture.hpp"

namespace {

using namespace control_test;

// Answers of other types than JSON.
struct Raw {
    int status = 0;
    std::string type;
    std::string text;
};

Raw raw(Fixture &f, const Actor &who, const std::string &target) {
    auto request = f.request("GET", target);
    f.sign(request, who);
    Raw out;
    f.api.handle(request, [&](const net::Response &response) {
        record(request, response);
        out.status = response.status;
        out.text = response.body;
        for (const auto &[name, value] : response.headers)
            if (name == "Content-Type")
                out.type = value;
    });
    return out;
}

bool has(const Raw &got, const std::string &line) {
    return got.text.find("\r\n" + line + "\r\n") != std::string::npos;
}

} // namespace

TEST_CASE("control: a reservation's calendar keeps its UID, and its SEQUENCE rises") {
    Fixture f;
    const Got booked = f.book(f.alice, f.wish());
    const std::string target = "/v1/reservations/" + booked.id() + "/event.ics";
    const Raw first = raw(f, f.alice, target);
    REQUIRE(first.status == 200);
    CHECK(first.type == "text/calendar; charset=utf-8");
    CHECK(first.text.starts_with("BEGIN:VCALENDAR\r\n"));
    CHECK(has(first, "UID:" + booked.id() + "@slotcast"));
    CHECK(has(first, "SEQUENCE:1"));
    CHECK(has(first, "STATUS:CONFIRMED"));
    CHECK(has(first, "SUMMARY:Town hall"));
    f.act(f.alice, booked.id(), "cancel");
    const Raw second = raw(f, f.boss, target);
    CHECK(has(second, "UID:" + booked.id() + "@slotcast"));
    CHECK(has(second, "SEQUENCE:2"));
    CHECK(has(second, "STATUS:CANCELLED"));
    CHECK(raw(f, f.bob, target).status == 404);
    CHECK(raw(f, f.relay, target).status == 403);
}

TEST_CASE("control: a hold is tentative in its calendar until it is committed, or over") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const Got held = f.book(f.alice, wish);
    const std::string target = "/v1/reservations/" + held.id() + "/event.ics";
    CHECK(has(raw(f, f.alice, target), "STATUS:TENTATIVE"));
    wish.channel = "two";
    const std::string other = "/v1/reservations/" + f.book(f.alice, wish).id() + "/event.ics";
    f.act(f.alice, held.id(), "commit");
    CHECK(has(raw(f, f.alice, target), "STATUS:CONFIRMED"));
    f.clock.advance(std::chrono::minutes{6});
    CHECK(has(raw(f, f.alice, other), "STATUS:CANCELLED"));
}

TEST_CASE("control: free/busy tells when, never whose; maintenance is another kind of busy") {
    Fixture f{std::string(k_config) + "[maintenance.work]\nresource = \"channel:one\"\nfrom = "
                                      "\"2026-09-21T20:00:00Z\"\nto = \"2026-09-21T21:00:00Z\"\n"};
    const auto at = [&](int minutes) {
        return base::format_rfc3339(f.now() + std::chrono::minutes{minutes});
    };
    REQUIRE(at(0) == "2026-09-21T14:13:20Z");
    auto wish = f.wish();
    REQUIRE(f.book(f.alice, wish).status == 201); // with lead-in and drain 15:13:10 to 16:13:25
    wish.channel = "two";
    wish.start += std::chrono::hours{3};
    wish.end += std::chrono::hours{3};
    REQUIRE(f.book(f.alice, wish).status == 201);
    const auto ask = [&](const std::string &query) {
        return raw(f, f.bob, "/v1/freebusy.ics?" + query);
    };
    const Raw got = ask("channel=one&from=" + at(0) + "&to=" + at(600));
    REQUIRE(got.status == 200);
    CHECK(has(got, "DTSTART:20260921T141320Z"));
    CHECK(has(got, "FREEBUSY;FBTYPE=BUSY:20260921T151310Z/20260921T161325Z"));
    CHECK(has(got, "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260921T200000Z/20260921T210000Z"));
    CHECK(got.text.find("alice") == std::string::npos);
    CHECK(got.text.find("Town") == std::string::npos);
    CHECK(got.text.find("20260921T181") == std::string::npos); // the other channel's
    // What is outside of the window is cut off.
    const Raw part = ask("channel=one&from=" + at(70) + "&to=" + at(80));
    CHECK(has(part, "FREEBUSY;FBTYPE=BUSY:20260921T152320Z/20260921T153320Z"));
    CHECK(ask("channel=one&from=" + at(200) + "&to=" + at(210)).text.find("FREEBUSY;") ==
          std::string::npos);

    CHECK(ask("channel=nine&from=" + at(0) + "&to=" + at(60)).status == 422);
    CHECK(ask("from=" + at(0) + "&to=" + at(60)).status == 400);
    CHECK(ask("channel=one&from=" + at(0)).status == 400);
    CHECK(ask("channel=one&from=" + at(0) + "&to=" + at(0)).status == 422);
    CHECK(ask("channel=one&from=" + at(0) + "&to=2028-01-01T00:00:00Z").status == 422);
    CHECK(ask("channel=one&owner=x&from=" + at(0) + "&to=" + at(60)).status == 400);
    CHECK(raw(f, f.relay, "/v1/freebusy.ics?channel=one&from=" + at(0) + "&to=" + at(60)).status ==
          403);
}
