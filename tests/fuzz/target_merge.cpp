// The relay's merge of two numbered paths, and the packets that it is made from: any numbers in any
// order.
#include "targets.hpp"

#include "media/rtp_ts.hpp"
#include "relay/path_merge.hpp"

#include <algorithm>
#include <array>

namespace fuzz {

namespace {

using namespace std::chrono_literals;

void hold(bool promise, const char *what) {
    if (!promise)
        throw Broken(what);
}

void read_rtp(std::string_view input) {
    const std::span bytes{reinterpret_cast<const std::uint8_t *>(input.data()), input.size()};
    const auto rtp = media::read_rtp_ts(bytes);
    if (!rtp)
        return;
    hold(rtp->packets.size() % media::k_ts_packet_bytes == 0 &&
             rtp->packets.size() <= media::k_srt_payload_bytes,
         "a payload of another size");
    hold(std::ranges::equal(media::write_rtp(rtp->header), bytes.first(media::k_rtp_header_bytes)),
         "a header changes on its way");
}

/// One path's stream, as intake tells of it.
struct Stream {
    relay::ExtentPtr extent =
        std::make_shared<const relay::Extent>(base::Fd{}, relay::Extent::k_bytes);
    std::int64_t position = 0;
    std::vector<bool> shown; ///< its packets
    std::uint16_t sequence = 0;
};

/// What must hold of all that is shown.
struct Shown {
    std::array<Stream, 2> streams;
    std::int64_t bytes = 0;
    std::int64_t last_cut = -1;

    void take(const std::vector<relay::PathMerge::Piece> &pieces) {
        for (const auto &piece : pieces) {
            Stream &from = streams.at(piece.extent == streams[0].extent ? 0 : 1);
            hold(piece.bytes > 0 && piece.bytes % relay::k_packet == 0 &&
                     piece.offset + piece.bytes <= from.position,
                 "bytes that are no media");
            from.shown.resize(static_cast<std::size_t>(from.position / relay::k_packet));
            for (std::int64_t i = 0; i < piece.bytes / relay::k_packet; ++i) {
                const auto packet = static_cast<std::size_t>(piece.offset / relay::k_packet + i);
                hold(!from.shown[packet], "shown twice");
                from.shown[packet] = true;
            }
            bytes += piece.bytes;
            for (const auto &cut : piece.cuts) {
                hold(cut.position > last_cut && cut.position < bytes, "a cut out of place");
                last_cut = cut.position;
            }
        }
    }
};

} // namespace

void merge(std::string_view input) {
    read_rtp(input);
    relay::PathMerge merge;
    Shown shown;
    base::SteadyTime now{100s};
    for (; input.size() >= 5; input.remove_prefix(5)) {
        const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(input[i]); };
        const unsigned path = at(0) & 1U;
        Stream &stream = shown.streams.at(path);
        now += std::chrono::milliseconds{at(1)};
        if ((at(0) & 0xf0U) == 0xf0U) {
            merge.leave(path);
            shown.take(merge.tick(now));
            continue;
        }
        // Mostly near what came before, sometimes anywhere.
        stream.sequence = static_cast<std::uint16_t>(
            (at(0) & 0x80U) != 0 ? at(2) << 8U | at(3) : stream.sequence + at(2) % 8);
        const std::int64_t count = 1 + at(3) % 16;
        const std::int64_t packets = 1 + at(4) % 7;
        relay::PartReady part{
            .stream = 1,
            .reservation = {},
            .extent = stream.extent,
            .position = stream.position,
            .offset = stream.position,
            .bytes = count * packets * relay::k_packet,
            .received_us = 0,
            .cuts = {},
            .runs = {{.sequence = stream.sequence, .count = count, .packets = packets}}};
        if ((at(4) & 0x80U) != 0)
            part.cuts.push_back(
                {.position = std::max<std::int64_t>(0, stream.position - at(3) * relay::k_packet),
                 .pts_90k = at(3)});
        stream.position += part.bytes;
        stream.sequence = static_cast<std::uint16_t>(stream.sequence + count);
        shown.take(merge.add(path, part, now));
    }
    shown.take(merge.tick(now + relay::PathMerge::k_window));
    shown.take(merge.tick(now + 2 * relay::PathMerge::k_window));
    hold(merge.lost() >= 0 && merge.twice() >= 0, "counts that go back");
}

} // namespace fuzz
