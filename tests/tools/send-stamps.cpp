// send-stamps: a publisher whose viewers can tell how long media was on its way
// (tests/lib/read-stamps).
//
//   send-stamps HOST:PORT FILE --rate BPS [--latency MS]   standard input: STREAM-ID PASSPHRASE
//
// Sends FILE's TS packets once, at that rate, over SRT, six at a time behind one of its own: PID
// 0x1ff0, which no table names, with the nanoseconds of CLOCK_MONOTONIC at which it was sent. A
// stream id of `-` is none. Ends when the file does, or the connection.
#include "base/file.hpp"
#include "cli/tool.hpp"
#include "media/srt_socket.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <fstream>
#include <iostream>
#include <thread>

namespace {

using base::Errc;
using base::Result;
using Steady = std::chrono::steady_clock;

constexpr std::size_t k_packet = 188;

struct Options {
    std::string at;
    std::string file;
    std::int64_t rate = 0;
    std::int64_t latency_ms = 120;
};

Result<media::SrtSocket> connect(const Options &o) {
    media::SrtCall call;
    call.to = TRY(conf::parse_address(o.at));
    call.latency = base::Millis{o.latency_ms};
    std::cin >> call.stream_id >> call.passphrase;
    if (call.stream_id == "-")
        call.stream_id.clear();
    auto socket = TRY(media::SrtSocket::call(call));
    while (socket.state() == media::SrtState::connecting)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    if (socket.state() != media::SrtState::connected)
        return base::fail(Errc::unavailable, "{}: {}", o.at, socket.reject().text);
    return socket;
}

void stamp(std::span<std::uint8_t> packet, unsigned counter) {
    std::ranges::fill(packet, 0xff);
    const std::array<std::uint8_t, 4> head{0x47, 0x1f, 0xf0,
                                           static_cast<std::uint8_t>(0x10 | (counter & 0x0f))};
    std::ranges::copy(head, packet.begin());
    const auto now = static_cast<std::uint64_t>(Steady::now().time_since_epoch().count());
    for (std::size_t i = 0; i < 8; ++i)
        packet[head.size() + i] = static_cast<std::uint8_t>(now >> (56 - 8 * i));
}

Result<int> send(const Options &o) {
    std::ifstream in{o.file, std::ios::binary};
    if (!in)
        return base::fail_errno("open", o.file);
    const media::SrtLibrary library;
    auto socket = TRY(connect(o));
    std::array<std::uint8_t, media::k_srt_payload_bytes> message{};
    const std::span rest = std::span{message}.subspan(k_packet);
    const std::chrono::duration<double> each{8.0 * double(message.size()) / double(o.rate)};
    const auto begun = Steady::now();
    // NOLINTNEXTLINE(*-reinterpret-cast): how streams read bytes
    while (in.read(reinterpret_cast<char *>(rest.data()), std::ssize(rest))) {
        static unsigned counter = 0;
        std::this_thread::sleep_until(begun +
                                      std::chrono::duration_cast<Steady::duration>(each * counter));
        stamp(std::span{message}.first(k_packet), counter++);
        while (!TRY(socket.send(message)))
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv, {"send-stamps", "Media that says when it was sent, over SRT"},
                         [&o](CLI::App &app, cli::Action &action) {
                             app.add_option("at", o.at, "HOST:PORT")->required();
                             app.add_option("file", o.file)->required();
                             app.add_option("--rate", o.rate)->required();
                             app.add_option("--latency", o.latency_ms);
                             action = [&o] { return send(o); };
                         });
}
