#include "carrier/control_watch.hpp"

#include "base/control_clock.hpp"
#include "carrier/process.hpp"

#include <charconv>
#include <csignal>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr base::Millis k_ask_every = 5s;
constexpr base::Millis k_ask_last = 1s;
constexpr base::Millis k_clock_every = 10min;
constexpr base::Millis k_deadline = 4s;
constexpr std::string_view k_clock = "clock ";
constexpr std::string_view k_reservation = "reservation ";
constexpr std::string_view k_nothing = "nothing ";

Result<std::string> ask_clock(client::Api &api) {
    const base::SystemClock clock;
    const auto reading = TRY(client::measure_clock(api, clock));
    return fmt::format("{}{}", k_clock, reading.steady_offset().count());
}

Result<std::string> ask_reservation(client::Api &api, const base::Id &id) {
    auto answer = TRY(api.get("/v1/reservations/" + id.text(), k_deadline));
    return std::string(k_reservation) + answer.body;
}

Result<News> read_news(std::string_view text) {
    if (text.starts_with(k_clock)) {
        std::int64_t ms = 0;
        const auto digits = text.substr(k_clock.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), ms);
        return ClockNews{base::Millis{ms}};
    }
    if (text.starts_with(k_nothing))
        return NoNews{std::string(text.substr(k_nothing.size()))};
    const auto json = TRY(wire::parse_json(text.substr(k_reservation.size()), "answer"));
    auto in = TRY(wire::ObjectReader::of(json, "answer"));
    const wire::Json *reservation = TRY(in.value("reservation"));
    return ReservationNews{TRY(wire::read_reservation(*reservation, "reservation"))};
}

/// How long to wait before asking again: an extension that comes in the last seconds must still be
/// heard, so the questions become more frequent towards the end.
base::Millis pause_after(const Result<std::string> &news, base::UtcTime now) {
    const auto read = news ? read_news(*news) : Result<News>{NoNews{}};
    const auto *known = read ? std::get_if<ReservationNews>(&*read) : nullptr;
    if (known == nullptr)
        return k_ask_every;
    return std::clamp<base::Millis>((known->reservation.window.end - now) / 5, k_ask_last,
                                    k_ask_every);
}

/// The child's whole life.
[[noreturn]] void watch(base::MessageSocket socket, const client::Target &target,
                        const vault::Vault &vault, const base::Id &id,
                        const std::optional<Identity> &user) {
    if (user && !become(*user))
        ::_exit(1);
    // May the parent be gone already? Then the first send fails.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    drop_capabilities();
    const auto tell = [&socket](const Result<std::string> &news) {
        const auto sent =
            socket.send(news ? *news : fmt::format("{}{}", k_nothing, news.error().message));
        if (!sent && sent.error().code == Errc::unavailable)
            ::_exit(0);
        return news.has_value();
    };
    auto api = client::Api::open(target, &vault.signing_key());
    if (!api) {
        tell(std::unexpected(api.error()));
        ::_exit(0);
    }
    base::SteadyTime clock_due{};
    const base::SystemClock machine;
    base::ControlClock control{machine};
    for (;;) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= clock_due) {
            const auto clock = ask_clock(*api);
            if (tell(clock)) {
                clock_due = now + k_clock_every;
                control.set_offset(std::get<ClockNews>(*read_news(*clock)).offset);
            }
        }
        const auto reservation = ask_reservation(*api, id);
        tell(reservation);
        pollfd parent{socket.fd(), POLLIN, 0};
        ::poll(&parent, 1, static_cast<int>(pause_after(reservation, control.now()).count()));
        if ((parent.revents & (POLLHUP | POLLERR)) != 0)
            ::_exit(0);
    }
}

} // namespace

Result<ControlWatch> ControlWatch::start(const client::Target &target, const vault::Vault &vault,
                                         const base::Id &reservation,
                                         const std::optional<Identity> &user) {
    auto [ours, theirs] = TRY(base::MessageSocket::make_pair());
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::fail_errno("start", "the child that asks control");
    if (pid == 0) {
        ours.close();
        watch(std::move(theirs), target, vault, reservation, user);
    }
    return ControlWatch{std::move(ours), pid};
}

ControlWatch::ControlWatch(ControlWatch &&other) noexcept
    : m_socket(std::move(other.m_socket)), m_pid(std::exchange(other.m_pid, -1)) {}

ControlWatch::~ControlWatch() {
    if (m_pid <= 0)
        return;
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
}

Result<std::optional<News>> ControlWatch::next() {
    const auto message = TRY(m_socket.receive());
    if (!message)
        return std::optional<News>{};
    auto news = read_news(message->text);
    if (!news)
        return std::optional<News>{NoNews{news.error().message}};
    return std::optional{std::move(*news)};
}

} // namespace carrier
