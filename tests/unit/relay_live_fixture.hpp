// A live event and streams to it, for the tests of which publisher is shown.
#pragma once

#include "relay/live_cursor.hpp"
#include "relay/live_event.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace live_test {

using namespace std::chrono_literals;
using relay::LiveEvent;

inline wire::FeedEntry entry() {
    wire::FeedEntry e;
    e.reservation = base::Id::make(base::from_unix_ms(1000), {});
    e.viewers = 2;
    return e;
}

inline LiveEvent make_event() {
    return LiveEvent{entry(), {.segments = {.window = 3}, .tag = "t"}};
}

// A stream whose packets carry its name, so that one can see whose they are.
struct Stream {
    relay::StreamKey key;
    std::string instance;
    char mark;
    unsigned path = 0;
    relay::ExtentPtr extent = *relay::Extent::make(188 * 1'000'000);
    std::int64_t position = 0;
    std::int64_t pts = 0;
    std::int64_t extent_base = 0; // position of the extent's byte 0

    void take_extent() {
        extent = *relay::Extent::make(188 * 1'000'000);
        extent_base = position;
    }
    // What is to be closed for it, as "carrier reason".
    std::string open(LiveEvent &live, std::uint32_t generation = 0,
                     base::SteadyTime now = base::SteadyTime{100s}) {
        std::string out;
        for (const auto &closing : live.opened(key,
                                               {.stream = key.stream,
                                                .reservation = {},
                                                .generation = generation,
                                                .instance = instance,
                                                .path = path,
                                                .peer = "p"},
                                               now))
            out += closing.key.carrier + " " + std::string(closing.reason) + " ";
        return out;
    }
    void deliver(LiveEvent &live, base::SteadyTime now, std::int64_t packets = 10,
                 bool cut = true) {
        const std::int64_t bytes = packets * 188;
        const std::string media(static_cast<std::size_t>(bytes), mark);
        REQUIRE(::pwrite(extent->fd(), media.data(), media.size(), position - extent_base) ==
                bytes);
        relay::PartReady part{.stream = key.stream,
                              .reservation = {},
                              .extent = extent,
                              .position = position,
                              .offset = position - extent_base,
                              .bytes = bytes,
                              .received_us = now.time_since_epoch().count() / 1000,
                              .cuts = {}};
        if (cut)
            part.cuts.push_back({.position = position, .pts_90k = pts});
        live.part(key, part, now);
        position += bytes;
        pts += 90'000;
    }
    // Payloads of seven packets, from number @p first on.
    void number(LiveEvent &live, base::SteadyTime now, std::int64_t first, std::int64_t count,
                bool cut = false) {
        const std::int64_t bytes = count * 7 * 188;
        const std::string media(static_cast<std::size_t>(bytes), mark);
        REQUIRE(::pwrite(extent->fd(), media.data(), media.size(), position) == bytes);
        relay::PartReady part{.stream = key.stream,
                              .reservation = {},
                              .extent = extent,
                              .position = position,
                              .offset = position,
                              .bytes = bytes,
                              .received_us = now.time_since_epoch().count() / 1000,
                              .cuts = {},
                              .runs = {{.sequence = first, .count = count, .packets = 7}}};
        if (cut)
            part.cuts.push_back({.position = position, .pts_90k = pts});
        live.part(key, part, now);
        position += bytes;
    }
};

struct Pair {
    Pair() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
        viewer = base::Fd{ends[0]};
        relay = base::Fd{ends[1]};
    }
    [[nodiscard]] std::string read() const {
        std::string out(1 << 22, '\0');
        std::size_t size = 0;
        for (ssize_t n = 0; (n = ::read(viewer.get(), out.data() + size, out.size() - size)) > 0;)
            size += static_cast<std::size_t>(n);
        out.resize(size);
        return out;
    }
    base::Fd viewer, relay;
};

using News = std::vector<LiveEvent::News>;
constexpr base::SteadyTime k_start{100s};

} // namespace live_test
