// How an ingest child reads media of many small messages: one TS packet in each, as some send it.
#include "free_udp_port.hpp"
#include "relay/ingest_server.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t k_packet = 188;
constexpr std::size_t k_burst = 4000; // of each second: 6 Mbit/s
constexpr std::size_t k_bursts = 3;
constexpr auto k_latency = 1000ms;
constexpr std::int64_t k_extent = 4'000'000;

std::array<std::uint8_t, k_packet> packet(std::size_t number) {
    std::array<std::uint8_t, k_packet> out{0x47,
                                           0x01,
                                           0x00,
                                           static_cast<std::uint8_t>(0x10 | (number & 0xf)),
                                           static_cast<std::uint8_t>(number >> 8),
                                           static_cast<std::uint8_t>(number)};
    return out;
}

// relay-serve's side of a child that serves one publisher, and that publisher.
class World {
  public:
    World() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        m_stop = base::Fd{ends[0]};
        m_never = base::Fd{ends[1]};
        m_child = std::thread([this, socket = std::move(m_pair.second)]() mutable {
            m_outcome = relay::run_ingest(socket, m_stop.get(), m_clock,
                                          [] { return base::Result<void>{}; });
            socket.close();
        });
        tell(wire::IngestSetup{.relay = "r1",
                               .carrier = "lineA",
                               .listen = {.host = "127.0.0.1", .port = m_port},
                               .echo = std::nullopt,
                               .control_key = seal::public_key_text(m_key.public_key()),
                               .group_key = seal::to_base64url(m_group),
                               .latency_ms = 20});
        tell(wire::IngestPace{.part_ms = 40}); // the longest naps
        const base::UtcTime now = m_clock.now();
        tell(wire::IngestAdmit{.reservation = m_reservation,
                               .channel = "studio1",
                               .window = {.start = now, .end = now + 1h},
                               .generation = 0,
                               .max_rate = base::BitRate{20'000'000}});
    }
    ~World() {
        m_publisher.close();
        m_pair.first.close();
        m_child.join();
        CHECK(m_outcome.has_value());
    }
    World(const World &) = delete;
    World &operator=(const World &) = delete;
    World(World &&) = delete;
    World &operator=(World &&) = delete;

    // The listener may not be there yet.
    void connect() {
        seal::Ticket ticket;
        ticket.reservation = m_reservation;
        ticket.not_before = m_clock.now() - 1h;
        ticket.expiry = m_clock.now() + 1h;
        ticket.audience = seal::short_hash("r1");
        media::SrtCall call;
        call.to = {.host = "127.0.0.1", .port = m_port};
        call.stream_id = seal::issue_ticket(ticket, m_key);
        call.passphrase = seal::srt_passphrase(m_group, ticket.ticket_id);
        call.latency = k_latency;
        for (int i = 0; i < 20 && m_publisher.state() != media::SrtState::connected; ++i) {
            m_publisher = media::SrtSocket::call(call).value();
            while (m_publisher.state() == media::SrtState::connecting)
                std::this_thread::sleep_for(10ms);
        }
        REQUIRE(m_publisher.state() == media::SrtState::connected);
    }

    // As if all were sent at once, so that all are due at once.
    void send_burst(std::size_t first) {
        const auto begun = std::chrono::steady_clock::now();
        for (std::size_t i = first; i < first + k_burst; ++i) {
            const auto age = std::chrono::steady_clock::now() - begun;
            CHECK(m_publisher.send(packet(i), std::chrono::floor<std::chrono::microseconds>(age)) ==
                  true);
        }
    }

    // The next part that the child tells of.
    wire::IngestPart part() {
        for (int i = 0; i < 1000; ++i) {
            auto message = m_pair.first.receive(20'000).value();
            REQUIRE(message);
            const auto read = wire::read_ingest(message->text).value();
            if (const auto *found = std::get_if<wire::IngestPart>(&read))
                return *found;
            if (const auto *opened = std::get_if<wire::IngestOpened>(&read))
                give(opened->stream);
        }
        FAIL("no part");
        return {};
    }

    // The extent has what the publisher sent.
    void check_bytes(std::size_t packets) {
        std::array<std::uint8_t, k_packet> got{};
        for (std::size_t i = 0; i < packets; ++i) {
            const auto at = static_cast<off_t>(i * k_packet);
            REQUIRE(::pread(m_extent.get(), got.data(), got.size(), at) == std::ssize(got));
            REQUIRE(got == packet(i));
        }
    }

  private:
    void tell(const wire::IngestMessage &message, const std::vector<int> &fds = {}) {
        REQUIRE(m_pair.first.send(wire::write_ingest(message), fds).has_value());
    }
    void give(std::int64_t stream) {
        m_extent = base::Fd{::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
        REQUIRE(::ftruncate(m_extent.get(), k_extent) == 0);
        REQUIRE(::fcntl(m_extent.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
        tell(wire::IngestExtent{.stream = stream, .extent = 0, .bytes = k_extent},
             {m_extent.get()});
    }

    media::SrtLibrary m_library;
    base::SystemClock m_clock;
    seal::SigningKey m_key = seal::SigningKey::generate();
    seal::Bytes m_group = seal::Bytes(32, 2);
    base::Id m_reservation = base::Id::make(base::from_unix_ms(1000), {1});
    std::uint16_t m_port = free_udp_port();
    std::pair<base::MessageSocket, base::MessageSocket> m_pair =
        base::MessageSocket::make_pair().value();
    base::Fd m_stop;
    base::Fd m_never;
    base::Result<void> m_outcome;
    std::thread m_child;
    media::SrtSocket m_publisher;
    base::Fd m_extent;
};

} // namespace

TEST_CASE(
    "relay: one TS packet a message costs a publisher no byte, and no nap while more is due") {
    World world;
    world.connect();
    // What it would take with a nap for each share of a turn, and what the quickest burst took.
    const auto naps = relay::nap_for(40ms) * static_cast<int>(k_burst / 128);
    auto quickest = std::chrono::microseconds::max();
    for (std::size_t burst = 0; burst < k_bursts; ++burst) {
        world.send_burst(burst * k_burst);
        std::int64_t first = 0;
        std::int64_t last = 0;
        for (std::size_t bytes = 0; bytes < k_burst * k_packet;) {
            const wire::IngestPart part = world.part();
            first = bytes == 0 ? part.received_us : first;
            last = part.received_us;
            bytes += static_cast<std::size_t>(part.bytes);
        }
        quickest = std::min(quickest, std::chrono::microseconds{last - first});
    }
    world.check_bytes(k_bursts * k_burst);
    INFO(quickest.count(), " us; with naps ", std::chrono::microseconds{naps}.count());
    CHECK(quickest < naps / 3);
}
