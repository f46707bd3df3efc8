#include "media/gst_pipeline.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <thread>

using namespace std::chrono_literals;

TEST_CASE("media: a pipeline is at rest while none of its sources works") {
    auto pipeline = media::GstPipeline::make("a test").value();
    CHECK(pipeline->at_rest());
    REQUIRE(pipeline->add_described("audiotestsrc num-buffers=5 ! avenc_mp2 ! mpegaudioparse"));
    CHECK(pipeline->at_rest());
    SUBCASE("while it plays it is not, and at its end it is again") {
        REQUIRE(pipeline->pause());
        REQUIRE(pipeline->play());
        std::vector<std::uint8_t> bytes;
        while (pipeline->read(bytes).value() != media::TsInput::State::end)
            std::this_thread::sleep_for(1ms);
        CHECK(pipeline->at_rest());
    }
    SUBCASE("a source without an end never is") {
        REQUIRE(pipeline->add_described("audiotestsrc is-live=true ! avenc_mp2 ! mpegaudioparse"));
        REQUIRE(pipeline->play());
        bool worked = false;
        for (int i = 0; i < 5000 && !worked; ++i, std::this_thread::sleep_for(1ms))
            worked = !pipeline->at_rest();
        CHECK(worked);
        std::this_thread::sleep_for(300ms);
        CHECK_FALSE(pipeline->at_rest());
    }
}
