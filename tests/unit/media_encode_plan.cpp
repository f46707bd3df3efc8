#include "media/encode_plan.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using media::plan_encoding;

TEST_CASE("media: the picture shrinks with the rate, and never grows") {
    const media::PictureFormat hd{1920, 1080, 25, 1};
    CHECK(plan_encoding({8'000'000}, 4, hd).picture == hd);
    CHECK(plan_encoding({4'000'000}, 4, hd).picture == media::PictureFormat{1280, 720, 25, 1});
    CHECK(plan_encoding({300'000}, 4, hd).picture.height == 180);
    const media::PictureFormat small{321, 241, 15, 1};
    CHECK(plan_encoding({8'000'000}, 4, small).picture.height == 240); // even sides
    CHECK(plan_encoding({8'000'000}, 4, {640, 480, 0, 1}).picture.fps_numerator == 30);
}

TEST_CASE("media: key frames come every two seconds, or as often as the reservation wants") {
    const media::PictureFormat picture{640, 360, 50, 2};
    CHECK(plan_encoding({2'000'000}, 10, picture).key_frame_distance == 50);
    CHECK(plan_encoding({2'000'000}, 1, picture).key_frame_distance == 25);
}

TEST_CASE("media: a plan leaves room for all that a transport stream adds") {
    CHECK(rc::check("within the rate", [] {
        const auto rate = *rc::gen::inRange<std::int64_t>(300'000, 50'000'000);
        const auto fps = *rc::gen::inRange(5, 60);
        const auto plan = plan_encoding({rate}, 2, {1920, 1080, fps, 1});
        const double video = plan.video_kbps * 1000.0 * 188 / 184 + fps * 120.0 * 8;
        const double audio = 48'000.0 / 1024 * 1504 * (plan.audio_bps > 60'000 ? 2 : 1);
        RC_ASSERT(plan.video_kbps >= 32);
        RC_ASSERT(plan.video_kbps == 32 || video + audio < static_cast<double>(rate));
        RC_ASSERT(plan.picture.width % 2 == 0 && plan.picture.height % 2 == 0);
    }));
}
