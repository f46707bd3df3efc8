// An input that is opened again when it goes away: a camera on the network.
#include "push/source_detail.hpp"

#include "base/log.hpp"

#include <sys/timerfd.h>

namespace push::detail {

namespace {

using namespace std::chrono_literals;
using base::Errc;
using base::Result;
using Clock = std::chrono::steady_clock;

constexpr auto k_again = 1s;   // between two attempts
constexpr auto k_quiet = 5s;   // without media, it is gone
constexpr auto k_answer = 15s; // what a new one gets to begin

class LastingInput final : public media::TsInput {
  public:
    LastingInput(std::string name, Open open) : m_name(std::move(name)), m_open(std::move(open)) {}

    Result<void> prepare() override {
        m_timer = base::Fd{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
        if (!m_timer)
            return base::fail_errno("make", "timer");
        return attempt();
    }
    Result<void> start() override {
        m_started = true;
        m_heard = Clock::now();
        return m_input ? weigh(m_input->start()) : Result<void>{};
    }
    [[nodiscard]] int fd() const override { return m_input ? m_input->fd() : m_timer.get(); }
    [[nodiscard]] bool live() const override { return true; }
    [[nodiscard]] bool encodes() const override { return m_input && m_input->encodes(); }
    [[nodiscard]] bool restarted() override { return std::exchange(m_restarted, false); }
    void hold_to(base::BitRate rate) override {
        m_limit = rate;
        if (m_input)
            m_input->hold_to(rate);
    }

    Result<State> read(std::vector<std::uint8_t> &into) override {
        if (!m_input) {
            if (Clock::now() >= m_next)
                TRY(attempt());
            return State::nothing_yet;
        }
        auto state = m_input->read(into);
        const auto now = Clock::now();
        if (state && *state == State::more) {
            m_heard = now;
            m_came = m_here = true;
            if (std::exchange(m_lost, false))
                base::log::info("{}: is back", m_name);
            return state;
        }
        if (!state)
            TRY(weigh(std::unexpected(std::move(state).error())));
        else if (*state == State::end)
            lost(m_name + ": it ended");
        else if (m_started && now - m_heard > (m_here ? k_quiet : k_answer))
            lost(m_name + ": nothing comes");
        return State::nothing_yet;
    }

  private:
    Result<void> attempt() {
        m_next = Clock::now() + k_again;
        m_heard = Clock::now();
        m_here = false;
        m_input = TRY(m_open());
        if (m_limit)
            m_input->hold_to(*m_limit);
        m_restarted = m_came;
        auto opened = m_input->prepare();
        if (opened && m_started)
            opened = m_input->start();
        return weigh(std::move(opened));
    }

    // An error of the input: it is tried again, unless that is no use.
    Result<void> weigh(Result<void> done) {
        if (done)
            return {};
        const Errc code = done.error().code;
        const bool passes = code == Errc::io || code == Errc::no_input || m_came;
        if (!passes || code == Errc::bug)
            return explained(std::move(done).error());
        lost(done.error().message);
        return {};
    }

    static Result<void> explained(base::Error error) {
        if (error.code == Errc::not_permitted && error.hint.empty())
            error.hint = "--source-credentials-file FILE, whose first line is USER:PASSWORD";
        return std::unexpected(std::move(error));
    }

    void lost(const std::string &why) {
        if (!std::exchange(m_lost, true))
            base::log::warning("{}; it is tried again each second", why);
        m_input.reset();
        m_next = std::max(m_next, Clock::now());
        const auto left = std::max<std::chrono::nanoseconds>(m_next - Clock::now(), 1ms);
        const itimerspec at{
            {},
            {std::chrono::duration_cast<std::chrono::seconds>(left).count(), (left % 1s).count()}};
        ::timerfd_settime(m_timer.get(), 0, &at, nullptr);
    }

    std::string m_name;
    Open m_open;
    std::unique_ptr<media::TsInput> m_input;
    base::Fd m_timer; // readable when the next attempt is due
    Clock::time_point m_next{};
    Clock::time_point m_heard{};
    std::optional<base::BitRate> m_limit;
    bool m_started = false;
    bool m_came = false; // something, ever
    bool m_here = false; // something, since it was opened
    bool m_lost = false; // and that it was said
    bool m_restarted = false;
};

} // namespace

std::unique_ptr<media::TsInput> make_lasting_input(std::string name, Open open) {
    return std::make_unique<LastingInput>(std::move(name), std::move(open));
}

} // namespace push::detail
