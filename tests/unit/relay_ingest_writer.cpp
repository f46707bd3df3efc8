#include "relay/ingest_writer.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <rapidcheck.h>
#include <sys/mman.h>

using namespace relay;

namespace {

using Bytes = std::vector<std::uint8_t>;

base::Fd memfd(std::int64_t bytes, unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW) {
    base::Fd fd{::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    REQUIRE(::ftruncate(fd.get(), bytes) == 0);
    REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
    return fd;
}

// Packets that differ: PID 0x100, a counter in the payload.
Bytes packets(std::size_t n, std::size_t first = 0) {
    Bytes out;
    for (std::size_t i = first; i < first + n; ++i) {
        Bytes packet(188, static_cast<std::uint8_t>(i));
        packet[0] = 0x47;
        packet[1] = 0x01;
        packet[2] = 0x00;
        packet[3] = static_cast<std::uint8_t>(0x10U | (i & 0xfU));
        packet[4] = static_cast<std::uint8_t>(i >> 8U);
        out.insert(out.end(), packet.begin(), packet.end());
    }
    return out;
}

constexpr std::int64_t k_size = 3000; // 15 packets and a tail of 180 bytes

struct Stream {
    ExtentWriter writer{5};
    std::vector<base::Fd> fds;
    void give() {
        fds.push_back(memfd(k_size));
        const wire::IngestExtent what{
            .stream = 5, .extent = static_cast<std::int64_t>(fds.size()) - 1, .bytes = k_size};
        REQUIRE(writer.give(what, base::Fd{::dup(fds.back().get())}).has_value());
    }
    [[nodiscard]] Bytes read(const wire::IngestPart &part) const {
        Bytes out(static_cast<std::size_t>(part.bytes));
        REQUIRE(::pread(fds.at(static_cast<std::size_t>(part.extent)).get(), out.data(), out.size(),
                        part.offset) == part.bytes);
        return out;
    }
};

} // namespace

TEST_CASE("relay: what a publisher sends lies in the extents, packet by packet") {
    Stream s;
    CHECK_FALSE(s.writer.has_room());
    CHECK_FALSE(s.writer.take_need().has_value());
    s.give();
    s.give();
    const Bytes sent = packets(20);
    Bytes stored;
    for (std::size_t at = 0; at < sent.size(); at += 1316) {
        REQUIRE(s.writer.has_room());
        const std::size_t n = std::min<std::size_t>(1316, sent.size() - at);
        s.writer.append({sent.data() + at, n}, base::SteadyTime{});
    }
    CHECK(s.writer.pending_bytes() == static_cast<std::int64_t>(sent.size()));
    std::vector<wire::IngestPart> parts;
    while (auto part = s.writer.take_part())
        parts.push_back(*part);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].bytes == 15 * 188); // the tail stays unused
    CHECK(parts[1].extent == 1);
    CHECK(parts[1].offset == 0);
    for (const auto &part : parts)
        for (const std::uint8_t byte : s.read(part))
            stored.push_back(byte);
    CHECK(stored == sent);
    CHECK(s.writer.pending_bytes() == 0);
}

TEST_CASE("relay: the next extent is asked for once, when one is half full") {
    Stream s;
    s.give();
    s.writer.append(packets(7), base::SteadyTime{});
    CHECK_FALSE(s.writer.take_need().has_value());
    s.writer.append(packets(1), base::SteadyTime{});
    CHECK(s.writer.take_need() == 1);
    CHECK_FALSE(s.writer.take_need().has_value());
    CHECK_FALSE(
        s.writer.has_room()); // 7 packets are left: a message and what surrounds it may not fit
    s.give();
    CHECK(s.writer.has_room());
}

TEST_CASE("relay: an extent that is small, out of turn or could shrink is refused") {
    ExtentWriter w{5};
    const auto give = [&](std::int64_t number, std::int64_t bytes, base::Fd fd) {
        return w.give({.stream = 5, .extent = number, .bytes = bytes}, std::move(fd)).has_value();
    };
    CHECK_FALSE(give(1, k_size, memfd(k_size)));
    CHECK_FALSE(give(0, k_size, memfd(k_size - 1)));
    CHECK_FALSE(give(0, 188, memfd(188)));
    CHECK_FALSE(give(0, k_size, memfd(k_size, F_SEAL_GROW)));
    CHECK_FALSE(give(0, k_size, base::Fd{::open("/dev/zero", O_RDWR | O_CLOEXEC)}));
    CHECK(give(0, k_size, memfd(k_size)));
    CHECK_FALSE(give(0, k_size, memfd(k_size)));
}

TEST_CASE("relay: numbered payloads lie whole in an extent, and parts say their numbers") {
    Stream s;
    s.give();
    s.give();
    const Bytes all = packets(30);
    const std::span<const std::uint8_t> bytes{all};
    const auto put = [&](std::uint16_t sequence, std::size_t first, std::size_t count) {
        s.writer.append_numbered(sequence, bytes.subspan(first * 188, count * 188), {});
    };
    put(65'535, 0, 7);
    put(0, 7, 7); // it follows
    put(1, 14, 1);
    put(3, 15, 7); // no room for seven more in an extent of 15
    put(4, 22, 7);
    const auto first = s.writer.take_part();
    REQUIRE(first.has_value());
    CHECK(first->extent == 0);
    REQUIRE(first->runs.size() == 2);
    CHECK(first->runs[0].sequence == 65'535);
    CHECK(first->runs[0].count == 2);
    CHECK(first->runs[0].packets == 7);
    CHECK(first->runs[1].sequence == 1);
    CHECK(s.read(*first) == Bytes(all.begin(), all.begin() + 15 * 188));
    const auto second = s.writer.take_part();
    REQUIRE(second.has_value());
    CHECK(second->extent == 1);
    CHECK(second->offset == 0);
    REQUIRE(second->runs.size() == 1);
    CHECK(second->runs[0].sequence == 3);
    CHECK(second->runs[0].count == 2);
    CHECK(s.read(*second) == Bytes(all.begin() + 15 * 188, all.begin() + 29 * 188));
    CHECK_FALSE(s.writer.take_part().has_value());
}

TEST_CASE("relay: garbage between packets is dropped, whatever the messages hold") {
    CHECK(
        rc::check("whole packets come out", [](const std::vector<Bytes> &noise, std::uint8_t cut) {
            // Noise without sync bytes stands between runs of packets; the reading is cut anywhere.
            Bytes input;
            Bytes wanted;
            std::size_t n = 0;
            for (const Bytes &piece : noise) {
                for (const std::uint8_t byte : piece)
                    input.push_back(byte == 0x47 ? 0x48 : byte);
                const Bytes good = packets(3, n);
                n += 3;
                input.insert(input.end(), good.begin(), good.end());
                wanted.insert(wanted.end(), good.begin(), good.end());
            }
            media::TsAligner aligner;
            Bytes out;
            const std::size_t step = cut + 1U;
            for (std::size_t at = 0; at < input.size(); at += step)
                aligner.feed({input.data() + at, std::min(step, input.size() - at)},
                             [&](std::span<const std::uint8_t> p) {
                                 RC_ASSERT(p.size() % 188 == 0);
                                 out.insert(out.end(), p.begin(), p.end());
                             });
            RC_ASSERT(out == wanted);
            RC_ASSERT(aligner.garbage_bytes() == input.size() - wanted.size());
        }));
}
