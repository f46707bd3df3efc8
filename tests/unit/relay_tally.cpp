// Figures of receipts: over connections, new starts and extensions.
#include "relay/tally.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

const base::Id k_id = base::Id::make(base::from_unix_ms(1000), {});

base::UtcTime at(int second) {
    return base::from_unix_ms(1'790'000'000'000) + base::Seconds{second};
}

relay::Event event(std::string tag) {
    wire::FeedEntry entry;
    entry.reservation = k_id;
    entry.viewers = 3;
    return relay::Event{std::move(entry), std::move(tag)};
}

void set(relay::Event &e, std::int64_t bytes_in, std::int64_t bytes_out, std::int64_t gaps) {
    e.bytes_in = bytes_in;
    e.bytes_out = bytes_out;
    e.gaps = gaps;
    e.payloads_lost = gaps * 10;
}

} // namespace

TEST_CASE("relay: without a publisher there is no receipt; with one, one for each end") {
    relay::Tallies tallies;
    relay::Event e = event("t1");
    set(e, 100, 100, 1);
    tallies.count(k_id, e, at(1));
    CHECK_FALSE(tallies.end(k_id, at(2), "r1"));
    tallies.admitted(k_id, at(3));
    tallies.admitted(k_id, at(4)); // again: the first counts
    CHECK(tallies.open().size() == 1);
    const auto receipt = tallies.end(k_id, at(5), "r1");
    REQUIRE(receipt);
    CHECK(receipt->admitted == at(3));
    CHECK(receipt->ended == at(5));
    CHECK(receipt->relay == "r1");
    CHECK_FALSE(receipt->first_media);
    CHECK(receipt->bytes_in == 0);
    CHECK_FALSE(tallies.end(k_id, at(6), "r1"));
    CHECK(tallies.open().empty());
}

TEST_CASE("relay: a tally follows its event, and the most viewers at a time") {
    relay::Tallies tallies;
    tallies.admitted(k_id, at(0));
    relay::Event e = event("t1");
    for (int i = 0; i < 4; ++i)
        std::ignore = e.enter(); // the fourth has no place
    e.leave();
    e.leave();
    set(e, 100, 250, 0);
    tallies.count(k_id, e, at(1));
    set(e, 300, 900, 2);
    tallies.count(k_id, e, at(2));
    tallies.count(k_id, e, at(3));
    const auto receipt = tallies.end(k_id, at(4), "r1");
    REQUIRE(receipt);
    CHECK(receipt->first_media == at(1));
    CHECK(receipt->bytes_in == 300);
    CHECK(receipt->bytes_out == 900);
    CHECK(receipt->gaps == 2);
    CHECK(receipt->payloads_lost == 20);
    CHECK(receipt->peak_viewers == 3);
}

TEST_CASE("relay: a new start of the relay goes on with the figures, and is a gap") {
    relay::Tallies before;
    before.admitted(k_id, at(0));
    relay::Event first = event("t1");
    set(first, 100, 200, 1);
    before.count(k_id, first, at(1));
    auto tallies = relay::Tallies::read(before.text("r1"), "r1").value();
    CHECK(tallies.open().size() == 1);
    relay::Event second = event("t2");
    tallies.count(k_id, second, at(5)); // nothing came yet
    tallies.admitted(k_id, at(6));
    set(second, 10, 20, 0);
    tallies.count(k_id, second, at(7));
    const auto receipt = tallies.end(k_id, at(8), "r1");
    REQUIRE(receipt);
    CHECK(receipt->admitted == at(0));
    CHECK(receipt->first_media == at(1));
    CHECK(receipt->bytes_in == 110);
    CHECK(receipt->bytes_out == 220);
    CHECK(receipt->gaps == 2);
}

TEST_CASE("relay: an event that goes on after its end has a later receipt over all of it") {
    relay::Tallies tallies;
    tallies.admitted(k_id, at(0));
    relay::Event first = event("t1");
    set(first, 100, 200, 0);
    tallies.count(k_id, first, at(1));
    REQUIRE(tallies.end(k_id, at(2), "r1"));
    tallies = relay::Tallies::read(tallies.text("r1"), "r1").value();
    CHECK(tallies.open().empty());
    tallies.admitted(k_id, at(3));
    relay::Event second = event("t2");
    set(second, 50, 60, 0);
    tallies.count(k_id, second, at(4));
    const auto receipt = tallies.end(k_id, at(5), "r1");
    REQUIRE(receipt);
    CHECK(receipt->bytes_in == 150);
    CHECK(receipt->admitted == at(0));
    CHECK(receipt->ended == at(5));
}

TEST_CASE("relay: tallies of another relay, cut or changed ones are not read") {
    relay::Tallies tallies;
    tallies.admitted(k_id, at(0));
    const std::string text = tallies.text("r1");
    CHECK(relay::Tallies::read(text, "r1"));
    CHECK_FALSE(relay::Tallies::read(text, "r2"));
    for (std::size_t n = 0; n + 2 < text.size(); n += 7)
        CHECK_FALSE(relay::Tallies::read(text.substr(0, n), "r1"));
    std::string negative = text;
    negative.replace(negative.find("\"gaps\":0"), 8, "\"gaps\":-1");
    CHECK_FALSE(relay::Tallies::read(negative, "r1"));
}
