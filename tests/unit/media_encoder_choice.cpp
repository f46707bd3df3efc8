#include "media/encoder_choice.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <vector>

namespace {

using Names = std::vector<std::string>;

std::string choice(std::string_view wish, const Names &codecs, const Names &present) {
    const auto chosen = media::choose_video_encoder(wish, codecs, [&](std::string_view element) {
        return std::ranges::find(present, element) != present.end();
    });
    return chosen ? std::string(chosen->element) : fmt::format("{}", int(chosen.error().code));
}

} // namespace

TEST_CASE("media: the encoder is hardware that is there, else x264, within the codecs allowed") {
    const Names both{"h264", "h265", "aac"};
    const Names software{"x264enc", "x265enc"};
    const Names all{"x264enc", "x265enc", "nvh264enc", "nvh265enc", "vah265enc"};
    CHECK(choice("auto", both, software) == "x264enc");
    CHECK(choice("auto", {"h265"}, software) == "x265enc");
    CHECK(choice("auto", both, all) == "nvh264enc");
    CHECK(choice("auto", {"h265"}, all) == "vah265enc");
    CHECK(choice("auto", both, {"x265enc"}) == "x265enc");
    CHECK(choice("x264", both, all) == "x264enc");
    CHECK(choice("x265", both, all) == "x265enc");
    CHECK(choice("hardware", both, all) == "nvh264enc");
    CHECK(choice("vah265enc", both, all) == "vah265enc");
    CHECK(choice("hardware", both, software) == "69");
    CHECK(choice("x264", both, {}) == "69");
    CHECK(choice("x264", {"h265", "aac"}, all) == "64");
    CHECK(choice("auto", {"aac"}, all) == "64");
    for (const char *unknown : {"", "x26", "av1", "x264enc ! filesink", "mpegtsmux"})
        CHECK(choice(unknown, both, all) == "64");
}

TEST_CASE("media: each encoder is told the plan's rate and distance of key frames") {
    const auto plan = media::plan_encoding(base::BitRate{3'000'000}, 2, {1280, 720, 25, 1});
    for (const char *element :
         {"vah264enc", "vaapih264enc", "nvh264enc", "qsvh264enc", "x264enc", "vah265enc",
          "vaapih265enc", "nvh265enc", "qsvh265enc", "x265enc"}) {
        CAPTURE(element);
        const auto encoder = media::choose_video_encoder(element, Names{"h264", "h265"},
                                                         [](std::string_view) { return true; });
        REQUIRE(encoder.has_value());
        const std::string chain = media::encoder_chain(*encoder, plan, "fast");
        CHECK(chain.starts_with(element));
        CHECK(chain.find(fmt::format("bitrate={} ", plan.video_kbps)) != std::string::npos);
        CHECK(chain.find("=50 ") != std::string::npos);
        CHECK(chain.find(encoder->codec == "h264" ? "h264parse" : "h265parse") !=
              std::string::npos);
    }
}

TEST_CASE(
    "media: AV1 is refused for what it lacks, and sound is Opus only where AAC is not allowed") {
    const auto av1 = media::choose_video_encoder("svtav1", Names{"h264", "av1"},
                                                 [](std::string_view) { return true; });
    REQUIRE_FALSE(av1.has_value());
    CHECK(av1.error().code == base::Errc::usage);
    CHECK(av1.error().message.find("no transport stream carries AV1") != std::string::npos);
    CHECK(media::choose_sound_codec(Names{"h264", "aac", "opus"}) == "aac");
    CHECK(media::choose_sound_codec(Names{"h264", "opus"}) == "opus");
    CHECK(media::choose_sound_codec(Names{"h264"}) == "aac");
    const auto plan = media::plan_encoding(base::BitRate{3'000'000}, 2, {1280, 720, 25, 1});
    CHECK(media::sound_chain("aac", "avenc_aac", plan) == "avenc_aac bitrate=112000 ! aacparse");
    CHECK(media::sound_chain("opus", "avenc_aac", plan) == "opusenc bitrate=112000 ! opusparse");
}
