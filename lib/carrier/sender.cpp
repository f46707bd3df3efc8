#include "carrier/sender.hpp"

#include "base/log.hpp"
#include "carrier/process.hpp"
#include "seal/secret.hpp"

#include <csignal>
#include <poll.h>
#include <sys/wait.h>
#include <thread>

namespace carrier {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

namespace {
// As push-sender expects them.
constexpr int k_plan_fd = 3;
constexpr int k_reader_fd = 4;
constexpr base::Millis k_term_patience{1000};
} // namespace

Result<Sender> Sender::start(const How &how, base::MessageSocket &reader) {
    const base::Fd program = TRY(open_helper("push-sender"));
    auto plan = TRY(base::MessageSocket::make_pair());
    auto media_in = TRY(base::MessageSocket::make_pair());
    Spawn what{.argv = {"push-sender", "--plan-fd", std::to_string(k_plan_fd), "--reader-fd",
                        std::to_string(k_reader_fd)},
               .environment = {"PATH=/usr/bin:/bin"},
               .become = how.media,
               .executable_fd = program.get(),
               .network_fd = how.network_fd,
               .fds = {{plan.second.fd(), k_plan_fd}, {media_in.first.fd(), k_reader_fd}},
               .confined = true,
               .restore_signals = how.restore_signals};
    auto pid = spawn(what);
    if (!pid)
        return std::unexpected(std::move(pid).error().error);
    reader = std::move(media_in.second);
    return Sender{std::move(plan.first), *pid};
}

Sender::Sender(Sender &&other) noexcept
    : m_socket(std::move(other.m_socket)), m_pid(std::exchange(other.m_pid, -1)),
      m_told(std::move(other.m_told)), m_number(other.m_number),
      m_status(std::move(other.m_status)) {}

Sender::~Sender() {
    finish(0ms);
}

Result<void> Sender::tell(const wire::SenderPlan &plan) {
    if (!m_socket || m_told == plan)
        return {};
    wire::SenderPlan numbered = plan;
    numbered.number = m_number + 1;
    std::string text = wire::write_message(numbered);
    auto sent = m_socket.send(text);
    seal::wipe(text);
    if (sent) {
        m_told = plan;
        ++m_number;
    } else if (sent.error().code == Errc::unavailable) {
        m_socket.close();
    }
    return sent;
}

bool Sender::follows() const {
    if (m_pid <= 0)
        return true;
    // One that says it has ended closes its connection after that.
    return m_status.plan == m_number && m_status.state != "ended";
}

bool Sender::hear() {
    for (;;) {
        const auto message = m_socket.receive();
        if (!message) {
            m_socket.close();
            return false;
        }
        if (!*message)
            return true;
        const auto read = wire::read_message((*message)->text);
        const auto *status = read ? std::get_if<wire::SenderStatus>(&*read) : nullptr;
        if (status == nullptr) {
            base::log::warning("the sender said what is not understood");
            continue;
        }
        if (status->state != m_status.state)
            base::log::debug("sender: {} {} {}", status->state, status->carrier, status->detail);
        m_status = *status;
    }
}

std::optional<int> Sender::ended() {
    int status = 0;
    if (m_pid <= 0 || ::waitpid(m_pid, &status, WNOHANG) != m_pid)
        return std::nullopt;
    m_pid = -1;
    return exit_code_of(status);
}

bool Sender::wait_end(base::Millis patience, bool while_live) {
    constexpr auto k_step = 10ms;
    for (auto waited = 0ms; m_pid > 0 && waited <= patience; waited += k_step) {
        if (m_socket)
            (void)hear();
        if (ended() || (while_live && m_status.state != "live"))
            break;
        std::this_thread::sleep_for(k_step);
    }
    return m_pid <= 0;
}

void Sender::finish(base::Millis patience) {
    if (m_pid <= 0)
        return;
    (void)wait_end(patience, true);
    if (m_pid > 0)
        ::kill(m_pid, SIGTERM);
    if (wait_end(k_term_patience, false))
        return;
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
    m_pid = -1;
}

} // namespace carrier
