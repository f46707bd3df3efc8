#include "resv/lifecycle.hpp"

#include <doctest/doctest.h>

namespace {

using base::from_unix_ms;
using base::Seconds;
using resv::Action;
using resv::State;

resv::Life life(State state) {
    resv::Life l{.state = state,
                 .window = {.start = from_unix_ms(100'000),
                            .end = from_unix_ms(200'000),
                            .lead_in = Seconds{10},
                            .drain = Seconds{5}},
                 .hold_expires = {}};
    if (state == State::held)
        l.hold_expires = from_unix_ms(50'000);
    return l;
}

const auto k_before = from_unix_ms(10'000);
const auto k_during = from_unix_ms(150'000);
const auto k_after = from_unix_ms(205'000);

} // namespace

TEST_CASE("resv: time alone ends holds and windows, to the millisecond") {
    CHECK(resv::state_at(life(State::held), from_unix_ms(49'999)) == State::held);
    CHECK(resv::state_at(life(State::held), from_unix_ms(50'000)) == State::expired);
    CHECK(resv::state_at(life(State::active), from_unix_ms(204'999)) == State::active);
    CHECK(resv::state_at(life(State::active), k_after) == State::ended);
    CHECK(resv::state_at(life(State::booked), from_unix_ms(204'999)) == State::booked);
    CHECK(resv::state_at(life(State::booked), k_after) == State::no_show);
    auto endless = life(State::held);
    endless.hold_expires.reset();
    CHECK(resv::state_at(endless, k_after) == State::expired);
    for (const State done :
         {State::ended, State::expired, State::cancelled, State::no_show, State::revoked})
        CHECK(resv::state_at(life(done), k_before) == done);
}

TEST_CASE("resv: each action is allowed in its states only") {
    using resv::next_state;
    CHECK(next_state(life(State::held), Action::commit, k_before) == State::booked);
    CHECK_FALSE(next_state(life(State::held), Action::commit, k_during)); // expired meanwhile
    CHECK(next_state(life(State::booked), Action::activate, k_during) == State::active);
    CHECK_FALSE(next_state(life(State::cancelled), Action::activate, k_during));
    CHECK_FALSE(next_state(life(State::held), Action::activate, k_before));
    CHECK(next_state(life(State::active), Action::extend, k_during) == State::active);
    CHECK_FALSE(next_state(life(State::active), Action::extend, k_after));
    CHECK(next_state(life(State::booked), Action::cancel, k_before) == State::cancelled);
    CHECK_FALSE(next_state(life(State::active), Action::cancel, k_during));
    CHECK(next_state(life(State::active), Action::end, k_during) == State::ended);
    CHECK_FALSE(next_state(life(State::booked), Action::end, k_before));
    CHECK(next_state(life(State::booked), Action::end, k_during) == State::ended);
    CHECK(next_state(life(State::booked), Action::no_show, k_during) == State::no_show);
    CHECK_FALSE(next_state(life(State::active), Action::no_show, k_during));
    CHECK(next_state(life(State::active), Action::revoke, k_during) == State::revoked);
    CHECK_FALSE(next_state(life(State::ended), Action::revoke, k_during));
}

TEST_CASE("resv: an action that is done already succeeds again") {
    using resv::next_state;
    CHECK(next_state(life(State::booked), Action::commit, k_before) == State::booked);
    CHECK(next_state(life(State::active), Action::activate, k_during) == State::active);
    CHECK(next_state(life(State::cancelled), Action::cancel, k_during) == State::cancelled);
    CHECK(next_state(life(State::ended), Action::end, k_after) == State::ended);
    CHECK(next_state(life(State::revoked), Action::revoke, k_during) == State::revoked);
}

TEST_CASE("resv: a refusal names the state and what to do instead") {
    const auto refused = resv::next_state(life(State::active), Action::cancel, k_during);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("active") != std::string::npos);
    CHECK(refused.error().hint == "end it instead");
}
