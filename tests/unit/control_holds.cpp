// Holds against time: requests that wait for their turn, clocks that are set back.
#include "control_fixture.hpp"

using base::Seconds;
using control_test::Fixture;

namespace {

// The ledger of another one, before whose next write something happens.
struct Crowded final : ledger::Ledger {
    explicit Crowded(ledger::Ledger &behind) : ledger(behind) {}
    base::Result<void> write(const Work &work) override {
        if (meanwhile)
            std::exchange(meanwhile, {})();
        return ledger.write(work);
    }
    base::Result<void> read(const Work &work) override { return ledger.read(work); }

    ledger::Ledger &ledger;
    std::function<void()> meanwhile;
};

} // namespace

TEST_CASE("control: a commit that waits for its turn is judged when it comes") {
    Fixture f;
    Crowded crowd{*f.ledger};
    control::Api slow{f.config, f.keys, crowd, f.clock, f.feeds};
    auto wish = f.wish();
    wish.hold = true;
    const auto held = f.book(f.alice, wish);
    REQUIRE(held.status == 201);
    wish.hold = false;
    f.clock.advance(Seconds{300} - base::Millis{1}); // the hold's last moment
    crowd.meanwhile = [&] {
        f.clock.advance(base::Millis{2});
        CHECK(f.book(f.bob, wish).status == 201);
    };
    auto commit = f.request("POST", fmt::format("/v1/reservations/{}/commit", held.id()), "{}");
    f.sign(commit, f.alice);
    net::Response answer;
    slow.handle(commit, [&](net::Response r) { answer = std::move(r); });
    CHECK(answer.status == 410);
}

TEST_CASE("control: a hold that a stepped clock revives gets nothing that was given away") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const auto held = f.book(f.alice, wish);
    REQUIRE(held.status == 201);
    wish.hold = false;
    f.clock.advance(Seconds{300});
    REQUIRE(f.book(f.bob, wish).status == 201);
    f.clock.advance(Seconds{-10}); // too little to be followed
    CHECK(f.act(f.alice, held.id(), "commit").code() == "hold_expired");
    f.clock.advance(Seconds{-200});
    CHECK(f.act(f.alice, held.id(), "commit").code() == "overlap");
    const wire::JsonObject longer{{"end", base::format_rfc3339(wish.end + Seconds{60})}};
    CHECK(f.act(f.alice, held.id(), "extend", longer).code() == "overlap");
    CHECK(f.act(f.alice, held.id(), "cancel").status == 200);
}
