#include "push/preflight.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using push::KeyFrames;
using push::PreflightReport;

namespace {

media::TsCut cut(std::uint64_t pts_90k) {
    return {.position = 0, .access_position = 0, .pts_90k = pts_90k};
}

// Eight seconds at the reserved rate, and nothing wrong.
PreflightReport good() {
    PreflightReport r;
    r.lasted = 8s;
    r.status.carrier = "lineA";
    r.status.interface = "carA";
    r.status.bytes = 1'316'000 * 4;
    r.status.rtt_us = 20'400;
    r.rtt_max_us = 31'000;
    r.key_frames = 2s;
    return r;
}

const push::PreflightTerms k_terms{.reservation = base::Id::make(base::from_unix_ms(1000), {}),
                                   .rate = {5'264'000},
                                   .max_gop_s = 4};

} // namespace

TEST_CASE("push: key frames are as far apart as their times, whatever jumps and wraps") {
    KeyFrames k;
    CHECK_FALSE(k.longest());
    k.add(cut(media::k_pts_wrap - 90'000));
    CHECK_FALSE(k.longest());
    k.add(cut(90'000));
    CHECK(k.longest() == 2s);
    k.add(cut(180'000));
    CHECK(k.longest() == 2s);
    k.add(cut(100)); // again from its beginning
    k.add(cut(100 + 90'000 * 3600));
    k.add({.position = 0, .access_position = 0, .pts_90k = {}});
    CHECK(k.longest() == 2s);
    k.add(cut(100 + 90'000 * 3605));
    CHECK(k.longest() == 5s);
}

TEST_CASE("push: a preflight is judged by each of its numbers") {
    const auto problems = [](auto change) {
        PreflightReport r = good();
        change(r);
        return r.problems(k_terms).size();
    };
    CHECK(good().usable().bps == 5'264'000);
    CHECK(problems([](auto &) {}) == 0);
    CHECK(problems([](auto &r) { r.status.bytes = r.status.bytes * 95 / 100 + 1; }) == 0);
    CHECK(problems([](auto &r) { r.status.bytes = r.status.bytes * 94 / 100; }) == 1);
    CHECK(problems([](auto &r) { r.lasted = 0s; }) == 1);
    CHECK(problems([](auto &r) { r.status.lost_packets = 900; }) == 0); // they came again
    CHECK(problems([](auto &r) { r.status.dropped_packets = 1; }) == 1);
    CHECK(problems([](auto &r) { r.status.dropped_packets = 1000; }) ==
          2); // and too little arrives
    CHECK(problems([](auto &r) { r.status.reconnects = 1; }) == 1);
    CHECK(problems([](auto &r) { r.key_frames.reset(); }) == 1);
    CHECK(problems([](auto &r) { r.key_frames = 4100ms; }) == 0);
    CHECK(problems([](auto &r) { r.key_frames = 4101ms; }) == 1);
    CHECK(problems([](auto &r) { r.clock_offset = -1000ms; }) == 0);
    CHECK(problems([](auto &r) { r.clock_offset = -1001ms; }) == 1);
}

TEST_CASE("push: the loss of a preflight is of all that was sent") {
    PreflightReport r;
    CHECK(r.loss_percent() == 0);
    r.status.bytes = 1316 * 990;
    r.status.retransmitted_packets = 10;
    r.status.lost_packets = 25;
    CHECK(r.loss_percent() == doctest::Approx(2.5));
    r.status.lost_packets = 100'000;
    CHECK(r.loss_percent() == 100);
}

TEST_CASE("push: a preflight is told as a record, and as a table") {
    const auto json = push::to_json(good(), k_terms);
    CHECK(json.at("ok").as_bool());
    CHECK(json.at("usable_rate_bps").as_int64() == 5'264'000);
    CHECK(json.at("key_frame_interval_ms").as_int64() == 2000);
    auto r = good();
    r.key_frames.reset();
    CHECK_FALSE(push::to_json(r, k_terms).as_object().contains("key_frame_interval_ms"));
    CHECK_FALSE(push::to_json(r, k_terms).at("ok").as_bool());
    CHECK(push::table_of(r, k_terms).find("\nverdict              not as it should be\n") !=
          std::string::npos);
    CHECK(push::table_of(good(), k_terms).find("\nverdict              all is well\n") !=
          std::string::npos);
}
