#include "push/pump.hpp"

#include "media_ts_builder.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <deque>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace ts_test;
using base::SteadyTime;
using media::TsInput;

namespace {

// Yields what a test put there, piece by piece.
class FakeInput : public TsInput {
  public:
    explicit FakeInput(std::deque<Bytes> pieces, bool live = false, bool ends = true)
        : m_pieces(std::move(pieces)), m_live(live), m_ends(ends) {}
    base::Result<void> prepare() override { return {}; }
    base::Result<void> start() override { return {}; }
    [[nodiscard]] int fd() const override { return -1; }
    [[nodiscard]] bool live() const override { return m_live; }
    base::Result<State> read(std::vector<std::uint8_t> &into) override {
        if (m_pieces.empty())
            return m_ends ? State::end : State::nothing_yet;
        into.insert(into.end(), m_pieces.front().begin(), m_pieces.front().end());
        m_pieces.pop_front();
        return State::more;
    }

  private:
    std::deque<Bytes> m_pieces;
    bool m_live;
    bool m_ends;
};

struct Pipe {
    base::Fd reading;
    base::Fd writing;
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
        reading = base::Fd{ends[0]};
        writing = base::Fd{ends[1]};
    }
    [[nodiscard]] Bytes take() const {
        Bytes out(1U << 20U);
        const ssize_t n = ::read(reading.get(), out.data(), out.size());
        out.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        return out;
    }
};

// A second of H.264 with a PCR every 100 ms.
Builder second_of_video(std::size_t picture = 500) {
    Builder ts;
    ts.pat();
    ts.pmt({{k_video, 0x1b}});
    for (std::uint64_t i = 0; i < 10; ++i)
        ts.pes(k_video, 90'000 + i * 9'000, h264_picture(i == 0 ? 0x65 : 0x41, picture),
               {.pcr = 27'000'000 + i * 2'700'000});
    return ts;
}

std::unique_ptr<TsInput> input(std::deque<Bytes> pieces, bool live = false, bool ends = true) {
    return std::make_unique<FakeInput>(std::move(pieces), live, ends);
}

// Runs the pump until it is finished or @p limit of simulated time is over; what came out.
struct Run {
    Bytes bytes;
    SteadyTime::duration took{};
    base::Result<void> result;
};
Run run(push::Pump &pump, const Pipe &pipe, SteadyTime::duration limit = 100s) {
    Run out;
    const SteadyTime begin{1000s};
    SteadyTime now = begin;
    while (!pump.finished() && now - begin < limit) {
        const auto wait = pump.step(now);
        if (!wait) {
            out.result = std::unexpected(wait.error());
            return out;
        }
        const Bytes piece = pipe.take();
        out.bytes.insert(out.bytes.end(), piece.begin(), piece.end());
        now = std::max(wait->until.value_or(now + 10ms), now);
    }
    const Bytes rest = pipe.take();
    out.bytes.insert(out.bytes.end(), rest.begin(), rest.end());
    out.took = now - begin;
    return out;
}

constexpr base::BitRate k_rate{10'000'000};

} // namespace

TEST_CASE("push: a transport stream passes bit for bit, at its own speed, however it is cut") {
    const Builder ts = second_of_video();
    for (const std::size_t cut : {100U, 188U, 1000U, 65536U}) {
        std::deque<Bytes> pieces;
        for (std::size_t at = 0; at < ts.bytes.size(); at += cut)
            pieces.emplace_back(ts.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                ts.bytes.begin() + static_cast<std::ptrdiff_t>(
                                                       std::min(at + cut, ts.bytes.size())));
        Pipe pipe;
        push::Pump pump(input(std::move(pieces)), std::move(pipe.writing), k_rate, {});
        const Run out = run(pump, pipe);
        CHECK(out.result.has_value());
        CHECK(out.bytes == ts.bytes);
        CHECK(out.took >= 850ms); // the last PCR is at 900 ms, the first within a chunk
        CHECK(out.took <= 1050ms);
        CHECK(pump.bytes_written() == ts.bytes.size());
    }
}

TEST_CASE("push: what is no packet is left out") {
    const Builder ts = second_of_video();
    Bytes dirty(70, 0x11);
    dirty.insert(dirty.end(), ts.bytes.begin(), ts.bytes.end());
    dirty.insert(dirty.end(), 100, 0x47);
    Pipe pipe;
    push::Pump pump(input({dirty}), std::move(pipe.writing), k_rate, {});
    const Run out = run(pump, pipe);
    CHECK(out.result.has_value());
    CHECK(out.bytes == ts.bytes);
}

TEST_CASE("push: input without media or without a clock is refused") {
    for (const Bytes &bytes : {Bytes{}, Bytes(5000, 0x11)}) {
        Pipe pipe;
        push::Pump pump(input({bytes}), std::move(pipe.writing), k_rate, {});
        const Run out = run(pump, pipe);
        REQUIRE_FALSE(out.result.has_value());
        CHECK(out.result.error().code == base::Errc::bad_data);
    }
    Builder silent; // no PCR at all
    silent.pat();
    silent.pmt({{k_video, 0x1b}});
    silent.pes(k_video, 1, h264_picture(0x65, 9'000'000));
    Pipe pipe;
    push::Pump pump(input({silent.bytes}, false, false), std::move(pipe.writing), k_rate, {});
    const Run out = run(pump, pipe, 1s);
    REQUIRE_FALSE(out.result.has_value());
    CHECK(out.result.error().message.find("PCR") != std::string::npos);
}

TEST_CASE("push: a looped stream goes on as one, its first pass untouched") {
    const Builder ts = second_of_video();
    Pipe pipe;
    push::Pump pump(input({ts.bytes}), std::move(pipe.writing), k_rate,
                    [&]() -> base::Result<std::unique_ptr<TsInput>> { return input({ts.bytes}); });
    const Run out = run(pump, pipe, 5s);
    CHECK(out.result.has_value());
    REQUIRE(out.bytes.size() > 4 * ts.bytes.size());
    CHECK(std::equal(ts.bytes.begin(), ts.bytes.end(), out.bytes.begin()));
    Recorder seen;
    media::TsScanner scanner(&seen);
    scanner.feed(out.bytes);
    CHECK(scanner.counters().continuity_errors == 0);
    CHECK(seen.programs.size() == 1);
    REQUIRE(seen.pcrs.size() > 40);
    for (std::size_t i = 1; i < seen.pcrs.size(); ++i)
        CHECK(seen.pcrs[i] - seen.pcrs[i - 1] == 2'700'000);
    REQUIRE(seen.cuts.size() >= 4);
    for (std::size_t i = 1; i < seen.cuts.size(); ++i)
        CHECK(*seen.cuts[i].pts_90k - *seen.cuts[i - 1].pts_90k == 90'000);
}

TEST_CASE("push: live media that nobody takes is dropped, a file waits") {
    const Builder ts = second_of_video(40'000); // 3.5 Mbit/s
    for (const bool live : {true, false}) {
        Pipe pipe;
        std::deque<Bytes> pieces;
        for (int i = 0; i < 8; ++i)
            pieces.push_back(ts.bytes);
        push::Pump pump(input(std::move(pieces), live, false), std::move(pipe.writing),
                        base::BitRate{4'000'000}, {});
        SteadyTime now{1000s};
        for (int i = 0; i < 1000; ++i, now += 10ms)
            REQUIRE(pump.step(now).has_value());
        CHECK(pump.bytes_written() <= 65'536); // what a pipe holds
        Bytes came = pipe.take();
        for (int i = 0; i < 20; ++i, now += 10ms) {
            REQUIRE(pump.step(now).has_value());
            const Bytes next = pipe.take();
            came.insert(came.end(), next.begin(), next.end());
        }
        REQUIRE(came.size() > 50'000);
        CHECK(std::equal(came.begin(), came.begin() + 32'768, ts.bytes.begin()));
        came.resize(came.size() / media::k_ts_packet_bytes * media::k_ts_packet_bytes);
        media::TsScanner scanner;
        scanner.feed(came);
        CHECK(scanner.counters().garbage_bytes ==
              0); // whole packets go, even when one was half written
        CHECK((scanner.counters().continuity_errors > 0) == live);
        CHECK(std::equal(came.begin(), came.end(), ts.bytes.begin()) == !live);
    }
}

TEST_CASE("push: a closed pipe is told") {
    std::signal(SIGPIPE, SIG_IGN); // as every tool does
    const Builder ts = second_of_video();
    Pipe pipe;
    pipe.reading.reset();
    push::Pump pump(input({ts.bytes}), std::move(pipe.writing), k_rate, {});
    const auto wait = pump.step(SteadyTime{1000s});
    REQUIRE_FALSE(wait.has_value());
    CHECK(wait.error().code == base::Errc::unavailable);
}

TEST_CASE(
    "push: what breaks the terms goes on encoded, as one stream, from its last key frame on") {
    // Key frames of one second, then none for two.
    Builder ts;
    for (std::uint64_t i = 0; i < 40; ++i) {
        const bool key = i == 0 || i == 10;
        if (key) {
            ts.pat();
            ts.pmt({{k_video, 0x1b}});
        }
        ts.pes(k_video, 90'000 + i * 9'000, h264_picture(key ? 0x65 : 0x41, 500),
               {.pcr = 27'000'000 + i * 2'700'000});
    }
    std::deque<Bytes> pieces;
    constexpr std::size_t k_piece = 1000; // not of whole packets
    for (std::size_t at = 0; at < ts.bytes.size(); at += k_piece)
        pieces.emplace_back(ts.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            ts.bytes.begin() + static_cast<std::ptrdiff_t>(
                                                   std::min(at + k_piece, ts.bytes.size())));
    struct Given {
        Bytes all; // the head and the rest
        base::Millis skip{};
        std::string why;
        int times = 0;
    } given;
    Builder encoded;
    encoded.pat();
    encoded.pmt({{k_video, 0x1b}});
    for (std::uint64_t i = 0; i < 10; ++i)
        encoded.pes(k_video, 7'000'000 + i * 9'000, h264_picture(i == 0 ? 0x65 : 0x41, 100),
                    {.pcr = 2'000'000'100 + i * 2'700'000});
    Pipe pipe;
    push::Pump pump(input(std::move(pieces), true), std::move(pipe.writing), k_rate, {});
    pump.keep_to(
        {k_rate, 1, {"h264"}},
        [&](std::unique_ptr<TsInput> rest, Bytes head, base::Millis skip,
            const std::string &why) -> base::Result<std::unique_ptr<TsInput>> {
            given = {.all = std::move(head), .skip = skip, .why = why, .times = given.times + 1};
            while (*rest->read(given.all) == TsInput::State::more) {
            }
            return input({encoded.bytes}, true);
        });
    const Run out = run(pump, pipe);
    REQUIRE(out.result.has_value());
    CHECK(given.times == 1);
    CHECK(given.why.find("more than 1 s apart") != std::string::npos);
    Recorder handed;
    media::TsScanner seen(&handed);
    seen.feed(given.all);
    CHECK(seen.counters().garbage_bytes == 0);
    CHECK(seen.counters().continuity_errors == 0);
    REQUIRE(handed.cuts.size() == 1);
    CHECK(handed.cuts.front().position == 0);
    CHECK(handed.cuts.front().pts_90k == 90'000 + 10 * 9'000);
    CHECK(handed.pcrs.size() == 30);
    CHECK(given.skip >= 1500ms); // what had left before it showed
    CHECK(given.skip <= 1700ms);
    Recorder sent;
    media::TsScanner scanner(&sent);
    scanner.feed(out.bytes);
    CHECK(scanner.counters().continuity_errors == 0);
    REQUIRE(sent.pcrs.size() > 30);
    const auto ours = std::ranges::find(sent.pcrs, 2'000'000'100ULL);
    REQUIRE(ours != sent.pcrs.end());
    CHECK(sent.pcrs.end() - ours == 10); // on its own timeline, and says so
    const auto marked = std::ranges::find_if(sent.packets, &media::TsPacket::discontinuity);
    REQUIRE(marked != sent.packets.end());
    CHECK(marked->pcr == 2'000'000'100ULL);
    CHECK(std::ranges::count_if(sent.packets, &media::TsPacket::discontinuity) == 1);
}

TEST_CASE("push: what does not fit from the first is encoded from the first, and what is encoded "
          "is not judged") {
    const Builder ts = second_of_video();
    for (const bool encodes : {false, true}) {
        struct Ours final : FakeInput {
            Ours(std::deque<Bytes> pieces, bool encoded)
                : FakeInput(std::move(pieces)), ours(encoded) {}
            [[nodiscard]] bool encodes() const override { return ours; }
            bool ours;
        };
        Bytes all;
        base::Millis skipped{-1};
        Pipe pipe;
        push::Pump pump(std::make_unique<Ours>(std::deque<Bytes>{ts.bytes}, encodes),
                        std::move(pipe.writing), k_rate, {});
        pump.keep_to({k_rate, 2, {"h265"}},
                     [&](std::unique_ptr<TsInput> /*rest*/, Bytes head, base::Millis skip,
                         const std::string & /*why*/) -> base::Result<std::unique_ptr<TsInput>> {
                         all = std::move(head);
                         skipped = skip;
                         return std::make_unique<Ours>(std::deque<Bytes>{ts.bytes}, true);
                     });
        const Run out = run(pump, pipe);
        REQUIRE(out.result.has_value());
        CHECK(out.bytes.size() == ts.bytes.size());
        CHECK(skipped == (encodes ? base::Millis{-1} : base::Millis{0}));
        CHECK(all == (encodes ? Bytes{} : ts.bytes));
    }
}
