#include "push/source_device.hpp"

#include <doctest/doctest.h>

using media::DeviceSource;
using Kind = DeviceSource::Kind;

namespace {

DeviceSource device(std::string_view text, const push::DeviceWishes &wishes = {}) {
    const auto parsed = push::parse_devices(text, wishes);
    REQUIRE(parsed.has_value());
    REQUIRE(parsed->size() == 1);
    return parsed->front();
}

} // namespace

TEST_CASE("push: cameras and sound are known by their scheme, and a file of such a name is none") {
    for (const char *text : {"rtsp://h/1", "rtsps://h/1", "v4l2:", "alsa:hw:1", "pulse:"})
        CHECK(push::names_device(text));
    for (const char *text : {"./v4l2:", "rtsp:1", "test:", "alsa", "camera.ts"})
        CHECK_FALSE(push::names_device(text));
    CHECK(device("v4l2:").name == "/dev/video0");
    CHECK(device("v4l2:/dev/video2").name == "/dev/video2");
    CHECK(device("alsa:hw:1,0").name == "hw:1,0");
    CHECK(device("pulse:").name.empty());
    CHECK(device("rtsp://[2001:db8::1]:554/a?b=c").name == "rtsp://[2001:db8::1]:554/a?b=c");
    CHECK(device("rtsps://camera/1").kind == Kind::rtsp);
    CHECK(device("rtsp://camera/1", {.transport = "udp"}).udp);
    CHECK_FALSE(device("rtsp://camera/1").udp);
}

TEST_CASE("push: a camera is asked for the size and the pace that were wished for, in every form "
          "it has") {
    const auto camera = device("v4l2:", {.size = "1280x720", .framerate = "30000/1001"});
    CHECK(media::device_element(camera.kind) == "v4l2src");
    const std::string caps = media::device_caps(camera);
    for (const char *type : {"video/x-raw", "image/jpeg", "video/x-h264", "video/x-h265"})
        CHECK(caps.find(std::string(type) + ",width=1280,height=720,framerate=30000/1001") !=
              std::string::npos);
    CHECK(media::device_caps(device("v4l2:", {.framerate = "25"}))
              .starts_with("video/x-raw,framerate=25/1;"));
    CHECK(media::device_caps(device("v4l2:")).empty());
    CHECK(media::device_caps(device("alsa:")).empty());
}

TEST_CASE("push: a camera takes its sound from another device") {
    const auto both = push::parse_devices("v4l2:/dev/video1", {.audio = "alsa:hw:1"});
    REQUIRE(both.has_value());
    REQUIRE(both->size() == 2);
    CHECK(both->at(0).kind == Kind::v4l2);
    CHECK(both->at(1).kind == Kind::alsa);
    CHECK(media::device_element(both->at(1).kind) == "alsasrc");
    CHECK(both->at(1).name == "hw:1");
    for (const char *wrong : {"v4l2:", "rtsp://h/1", "hw:1", "test:"})
        CHECK(push::parse_devices("v4l2:", {.audio = wrong}).error().code == base::Errc::usage);
    CHECK(push::parse_devices("pulse:", {.audio = "alsa:"}).error().code == base::Errc::usage);
}

TEST_CASE("push: credentials in a URL are refused and not repeated") {
    for (const char *url :
         {"rtsp://me:word@h/1", "rtsp://me@h/1", "rtsp://me:wo/rd@h/1", "rtsps://@h"}) {
        const auto refused = push::parse_devices(url, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == base::Errc::usage);
        CHECK(refused.error().message.find("me:") == std::string::npos);
        CHECK(refused.error().hint.find("--source-credentials-file") != std::string::npos);
    }
}
