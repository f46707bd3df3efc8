#include "push/source_net.hpp"

#include "media/mp4_order.hpp"
#include "media/ts_datagram.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using Kind = push::NetworkName::Kind;
using Bytes = std::vector<std::uint8_t>;

namespace {

Bytes packets(std::size_t count) {
    Bytes out(count * media::k_ts_packet_bytes, 0);
    for (std::size_t i = 0; i < count; ++i)
        out[i * media::k_ts_packet_bytes] = media::k_ts_sync_byte;
    return out;
}

Bytes joined(Bytes a, const Bytes &b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Bytes ts_of(const Bytes &datagram) {
    const auto found = media::ts_of_datagram(datagram);
    return {found.begin(), found.end()};
}

Bytes box(const char *type, std::size_t content) {
    Bytes out{0, 0, static_cast<std::uint8_t>((content + 8) >> 8U),
              static_cast<std::uint8_t>(content + 8)};
    for (const char *c = type; *c != '\0'; ++c)
        out.push_back(static_cast<std::uint8_t>(*c));
    out.resize(content + 8);
    return out;
}

} // namespace

TEST_CASE("push: names of network inputs are read") {
    const auto group = push::parse_network_name("udp://@239.1.2.3:5000?iface=eth1&source=10.0.0.1");
    REQUIRE(group.has_value());
    CHECK(group->kind == Kind::udp);
    CHECK(group->host == "239.1.2.3");
    CHECK(group->port == 5000);
    CHECK(group->interface == "eth1");
    CHECK(group->source == "10.0.0.1");
    CHECK(push::parse_network_name("udp://:5000")->host.empty());
    CHECK(push::parse_network_name("udp://[ff02::1]:5")->host == "ff02::1");
    const auto call = push::parse_network_name("srt://encoder.lan:9000?latency=400&streamid=a/b");
    REQUIRE(call.has_value());
    CHECK(call->kind == Kind::srt_caller);
    CHECK(call->host == "encoder.lan");
    CHECK(call->latency == base::Millis{400});
    CHECK(call->stream_id == "a/b");
    CHECK(push::parse_network_name("srt://:9000")->kind == Kind::srt_listener);
    CHECK(push::parse_network_name("srt://10.0.0.1:9000?mode=listener")->kind ==
          Kind::srt_listener);
    for (const char *wrong :
         {"udp://", "udp:5000", "udp://host", "udp://h:0", "udp://h:65536", "udp://h:5000x",
          "udp://::1:5", "udp://h:5/path", "udp://h:5?mode=listener", "udp://h:5?x=1",
          "srt:", "srt://h:1?latency=-1", "srt://h:1?latency=1s", "srt://h:1?mode=rendezvous",
          "srt://:1?mode=caller", "srt://:1?streamid=a", "srt://a@h:1", "srt://h:1?iface=eth0"}) {
        CAPTURE(wrong);
        const auto name = push::parse_network_name(wrong);
        REQUIRE_FALSE(name.has_value());
        CHECK(name.error().code == base::Errc::usage);
    }
}

TEST_CASE("push: a passphrase in INPUT is refused, and not repeated") {
    const auto name = push::parse_network_name("srt://h:1?latency=9&passphrase=correct-horse");
    REQUIRE_FALSE(name.has_value());
    CHECK(name.error().message.find("correct-horse") == std::string::npos);
    CHECK(name.error().hint.find("--source-passphrase-file") != std::string::npos);
}

TEST_CASE("media: a transport stream is taken out of its datagrams, with RTP or without") {
    const Bytes ts = packets(7);
    CHECK(ts_of(ts) == ts);
    Bytes header(12, 0);
    header[0] = 0x80;
    header[1] = 33;
    CHECK(ts_of(joined(header, ts)) == ts);
    Bytes sources = header; // two of them
    sources[0] = 0x82;
    sources.resize(20);
    CHECK(ts_of(joined(sources, ts)) == ts);
    Bytes extended = header; // with three words
    extended[0] = 0x90;
    extended.resize(16 + 12);
    extended[15] = 3;
    CHECK(ts_of(joined(extended, ts)) == ts);
    Bytes padded = header;
    padded[0] = 0xa0;
    padded = joined(joined(padded, ts), {0, 0, 0, 4});
    CHECK(ts_of(padded) == ts);

    CHECK(ts_of({}).empty());
    CHECK(ts_of(header).empty());
    CHECK(ts_of(Bytes(188, 0)).empty());
    CHECK(ts_of(Bytes(ts.begin(), ts.end() - 1)).empty());
    CHECK(ts_of(joined(header, Bytes(188, 1))).empty());
    padded.back() = 255; // more padding than there is
    padded.resize(20, 255);
    CHECK(ts_of(padded).empty());
    extended.resize(14);
    CHECK(ts_of(extended).empty());
    rc::check("any bytes are read within their bounds", [](const Bytes &datagram) {
        const auto found = media::ts_of_datagram(datagram);
        RC_ASSERT(found.empty() ||
                  (found.data() >= datagram.data() &&
                   found.data() + found.size() <= datagram.data() + datagram.size()));
    });
}

TEST_CASE("media: an MP4 file shows early whether its index comes first") {
    using Order = media::Mp4Order;
    const Bytes ftyp = box("ftyp", 16);
    CHECK(media::mp4_order(joined(ftyp, box("moov", 50))) == Order::streams);
    CHECK(media::mp4_order(joined(ftyp, box("mdat", 0))) == Order::index_last);
    CHECK(media::mp4_order(joined(joined(ftyp, box("free", 400)), box("mdat", 0))) ==
          Order::index_last);
    CHECK(media::mp4_order(box("mdat", 0)) == Order::index_last); // old QuickTime
    CHECK(media::mp4_order(ftyp) == Order::unclear);
    CHECK(media::mp4_order(Bytes{}) == Order::unclear);
    CHECK(media::mp4_order(Bytes(8, 0x47)) == Order::streams); // something else
    Bytes long_box = box("free", 8);                           // its size in 64 bits
    long_box[3] = 1;
    long_box[15] = 16;
    CHECK(media::mp4_order(joined(long_box, box("mdat", 0))) == Order::index_last);
    Bytes endless = box("free", 0);
    endless[3] = 0;
    CHECK(media::mp4_order(endless) == Order::streams);
}
