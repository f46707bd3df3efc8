#include "push/progress.hpp"

#include "media_ts_builder.hpp"
#include "push/source.hpp"
#include "push/source_detail.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace std::chrono_literals;

TEST_CASE("push: spans are written as clocks are") {
    CHECK(push::format_span(0ms) == "00:00:00");
    CHECK(push::format_span(-5s) == "00:00:00");
    CHECK(push::format_span(3'723'999ms) == "01:02:03");
    CHECK(push::format_span(std::chrono::hours{50}) == "2d 02:00:00");
    CHECK(push::countdown_line(1ms) == "starts in 00:00:01"); // 0 only when it is now
    CHECK(push::countdown_line(0ms) == "starts in 00:00:00");
}

TEST_CASE("push: the progress line says how it goes, for how long, and over what") {
    wire::SenderStatus status;
    status.state = "live";
    status.carrier = "lineA";
    status.rate_bps = 5'830'000;
    status.rtt_us = 12'140;
    status.lost_packets = 3;
    CHECK(push::progress_line(83s, 3'517s, status) ==
          "live 00:01:23, 00:58:37 left | 5.8 Mbit/s | RTT 12.1 ms | lost 3 | lineA");
    const auto lines = [&](bool a, bool b, const char *state_of_b) {
        status.paths = {{.carrier = "lineA", .interface = "", .state = "live", .active = a},
                        {.carrier = "lineB", .interface = "", .state = state_of_b, .active = b}};
        const std::string line = push::progress_line(83s, 3'517s, status);
        return line.substr(line.rfind('|') + 2);
    };
    CHECK(lines(true, false, "live") == "lineA (lineB)");
    CHECK(lines(false, true, "live") == "lineB (lineA)");
    CHECK(lines(true, false, "connecting") == "lineA (lineB connecting)");
    CHECK(lines(true, true, "live") == "lineA + lineB");
}

TEST_CASE("push: INPUT is a file, standard input, the test picture, a pipeline or the network") {
    using Kind = push::InputName::Kind;
    CHECK(push::parse_input("-")->kind == Kind::standard_input);
    CHECK(push::parse_input("test:")->kind == Kind::test);
    CHECK(push::parse_input("a:b.ts")->kind == Kind::file);
    CHECK(push::parse_input("./rtsp:x")->kind == Kind::file);
    CHECK(push::parse_input("gst:a ! b")->kind == Kind::pipeline);
    CHECK(push::parse_input("gst:a ! b")->path == "a ! b");
    CHECK(push::parse_input("udp://@:5000")->kind == Kind::network);
    CHECK(push::parse_input("srt://h:1")->kind == Kind::network);
    CHECK(push::parse_input("v4l2:/dev/video0")->kind == Kind::device);
    CHECK(push::parse_input("rtsp://camera/1")->devices.size() == 1);
    for (const char *other :
         {"rtsp:camera", "rtmp://h/1", "rtsp://", "udp:5000", "test:bars", ""}) {
        const auto input = push::parse_input(other);
        REQUIRE_FALSE(input.has_value());
        CHECK(input.error().code == base::Errc::usage);
    }
}

TEST_CASE("push: only a transport stream of codecs that are allowed passes as it is") {
    using namespace ts_test;
    using push::detail::Head;
    const media::StreamTerms terms{base::BitRate{1'000'000}, 2, {"h264", "h265", "aac"}};
    const auto head = [&](std::uint8_t video, std::uint8_t audio) {
        Builder ts;
        ts.pat();
        ts.pmt({{k_video, video}, {k_audio, audio}});
        ts.pes(k_video, 1, h264_picture(0x65, 1000));
        return ts.bytes;
    };
    const auto judge = [&](const Bytes &bytes, bool whole) {
        return push::detail::judge_head(bytes, whole, terms);
    };
    CHECK(judge(head(0x1b, 0x0f), true) == Head::passes);
    CHECK(judge(head(0x24, 0x0f), false) == Head::passes);
    CHECK(judge(head(0x02, 0x0f), true) == Head::for_gstreamer); // MPEG-2 video
    CHECK(judge(head(0x1b, 0x04), true) == Head::for_gstreamer); // MPEG sound
    CHECK(judge(Bytes(3, 0x47), false) == Head::unclear);
    CHECK(judge(Bytes(1000, 0x00), false) == Head::for_gstreamer);
    CHECK(judge(Bytes{}, true) == Head::for_gstreamer);
    Bytes early = head(0x1b, 0x0f);
    early.resize(188); // the PAT alone
    CHECK(judge(early, false) == Head::unclear);
}

TEST_CASE("push: a file is read as far as it takes to know what it is") {
    using namespace ts_test;
    // Nulls, then tables: also behind what is read at first.
    const auto passes = [](std::size_t nulls) {
        Bytes bytes;
        for (std::size_t i = 0; i < nulls; ++i) {
            bytes.insert(bytes.end(), {0x47, 0x1f, 0xff, 0x10});
            bytes.resize(bytes.size() + 184, 0xff);
        }
        Builder ts;
        ts.pat();
        ts.pmt({{k_video, 0x1b}, {k_audio, 0x0f}});
        ts.pes(k_video, 1, h264_picture(0x65, 1000));
        bytes.insert(bytes.end(), ts.bytes.begin(), ts.bytes.end());
        const base::Fd file{::memfd_create("head", MFD_CLOEXEC)};
        REQUIRE(::write(file.get(), bytes.data(), bytes.size()) == std::ssize(bytes));
        const media::StreamTerms terms{base::BitRate{1'000'000}, 2, {"h264", "h265", "aac"}};
        const auto input =
            push::open_input({.path = fmt::format("/proc/self/fd/{}", file.get())}, terms);
        if (!input)
            return false;
        REQUIRE((*input)->start());
        Bytes read;
        while ((*input)->read(read) == media::TsInput::State::more)
            ;
        return read == bytes; // as it is
    };
    CHECK(passes(0));
    CHECK(passes(500));    // 94 kB
    CHECK(passes(10'000)); // 1.9 MB
}
