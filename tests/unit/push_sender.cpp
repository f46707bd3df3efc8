#include "push/sender.hpp"
#include "stepped_clock.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <thread>

using namespace std::chrono_literals;

namespace {

/// A sender in its thread, with what it hears through; a plan without a path.
class Running {
  public:
    explicit Running(base::Millis starts_in) {
        wire::SenderPlan plan;
        plan.reservation = base::Id::make(m_clock.now(), {1});
        plan.window.start = m_clock.now() + starts_in;
        plan.window.end = plan.window.start + 1min;
        plan.clock_offset_ms = base::ControlClock{m_clock}.offset().count();
        plan.max_rate = {8'000'000};
        REQUIRE(m_plan.first.send(wire::write_message(plan)).has_value());
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
        const base::Fd read_end{ends[0]};
        m_pipe = base::Fd{ends[1]};
        REQUIRE(
            m_reader.first.send(wire::write_message(wire::SenderSource{}), {ends[0]}).has_value());
        m_thread = std::thread{[this] {
            push::Sender sender{std::move(m_plan.second), std::move(m_reader.second), m_clock};
            m_fine = sender.run(m_stop.get()).has_value();
            m_ended = true;
        }};
    }
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    ~Running() {
        ::eventfd_write(m_stop.get(), 1);
        m_thread.join();
        CHECK(m_fine);
    }

    void write_packet() {
        const std::array<char, 188> packet{0x47};
        REQUIRE(::write(m_pipe.get(), packet.data(), packet.size()) == packet.size());
    }
    [[nodiscard]] int unread() const {
        int bytes = 0;
        REQUIRE(::ioctl(m_pipe.get(), FIONREAD, &bytes) == 0);
        return bytes;
    }
    /// Only programme is read, and without a path it is dropped: true once it is gone.
    [[nodiscard]] bool takes_programme() {
        write_packet();
        return await([this] { return unread() == 0; });
    }
    [[nodiscard]] bool ended() const { return m_ended; }
    /// Waits until the sender has told its state once more: it has looked at its clock since.
    [[nodiscard]] bool turns() {
        while (m_plan.first.receive().value_or(std::nullopt)) {
        }
        return await([this] { return m_plan.first.receive().value_or(std::nullopt).has_value(); });
    }
    [[nodiscard]] test::SteppedClock &clock() { return m_clock; }

  private:
    template <typename Done> static bool await(Done done) {
        const auto until = std::chrono::steady_clock::now() + 10s;
        bool is_done = done();
        for (; !is_done && std::chrono::steady_clock::now() < until; is_done = done())
            std::this_thread::sleep_for(5ms);
        return is_done;
    }

    test::SteppedClock m_clock;
    std::pair<base::MessageSocket, base::MessageSocket> m_plan{*base::MessageSocket::make_pair()};
    std::pair<base::MessageSocket, base::MessageSocket> m_reader{*base::MessageSocket::make_pair()};
    base::Fd m_pipe;
    base::Fd m_stop{::eventfd(0, EFD_CLOEXEC)};
    std::atomic<bool> m_ended{false};
    bool m_fine = false;
    std::thread m_thread;
};

} // namespace

TEST_CASE("push: a step of the machine's clock does not end the programme") {
    Running sender{-1s};
    REQUIRE(sender.takes_programme());
    sender.clock().step(1h);
    CHECK(sender.takes_programme());
    CHECK_FALSE(sender.ended());
}

TEST_CASE("push: a step of the machine's clock does not put the programme off") {
    Running sender{-1s};
    REQUIRE(sender.takes_programme());
    sender.clock().step(-1h);
    CHECK(sender.takes_programme());
}

TEST_CASE("push: a step of the machine's clock does not begin the programme early") {
    Running sender{1h};
    REQUIRE(sender.turns());
    sender.write_packet();
    sender.clock().step(1h + 1s);
    REQUIRE(sender.turns());
    CHECK(sender.unread() == 188);
}
