// How often ingest children tell of media.
#include "relay/hub.hpp"
#include "relay/ingest_server.hpp"

#include <doctest/doctest.h>

using relay::pace_for;
using wire::IngestPace;

TEST_CASE("relay: media is told of at once for a few viewers, more rarely the more there are") {
    CHECK(pace_for(0, std::nullopt).part_ms == 20); // nobody waits
    CHECK(pace_for(1, std::nullopt).part_ms == 4);
    CHECK(pace_for(20, std::nullopt).part_ms == 4);
    CHECK(pace_for(21, std::nullopt).part_ms == 20);
    CHECK(pace_for(60, std::nullopt).part_ms == 20);
    CHECK(pace_for(61, std::nullopt).part_ms == 40);
    CHECK(pace_for(1'000'000, std::nullopt).part_ms ==
          40); // and no later: it is added to the delay
}

TEST_CASE("relay: a pace stays while the load is near its limit") {
    for (const std::int64_t load : {21, 30, 40})
        CHECK(pace_for(load, IngestPace{.part_ms = 4}).part_ms == 4);
    CHECK(pace_for(42, IngestPace{.part_ms = 4}).part_ms == 20);
    CHECK(pace_for(100, IngestPace{.part_ms = 20}).part_ms == 20);
    CHECK(pace_for(122, IngestPace{.part_ms = 20}).part_ms == 40);
    // On the way down the limits are the steps' own.
    CHECK(pace_for(60, IngestPace{.part_ms = 40}).part_ms == 20);
    CHECK(pace_for(20, IngestPace{.part_ms = 20}).part_ms == 4);
    CHECK(pace_for(0, IngestPace{.part_ms = 4}).part_ms == 20);
}

TEST_CASE("relay: packets gather only while media may wait, and a fraction of that") {
    using base::Millis;
    CHECK(relay::nap_for(Millis{4}) == Millis{0});
    CHECK(relay::nap_for(Millis{20}) == Millis{2});
    CHECK(relay::nap_for(Millis{40}) == Millis{5});
    CHECK(relay::nap_for(Millis{1000}) == Millis{5}); // it answers its parent, too
}
