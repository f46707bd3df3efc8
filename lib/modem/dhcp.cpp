#include "modem/dhcp.hpp"

#include "base/fd.hpp"
#include "base/log.hpp"
#include "line/dhcp_client.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace modem {

using base::Errc;
using base::Fd;
using base::Result;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr DhcpPatience k_renewal{.times = 2, .pause = 1s};
constexpr auto k_again = 5s;        // after a renewal that was not answered
constexpr auto k_much_later = 1min; // where there is nothing to renew
constexpr auto k_slack = 3s;        // for udhcpc to begin, and to run what it runs
constexpr std::size_t k_most_said = 16'384;
constexpr int k_not_run = 127;

std::vector<char *> pointers(std::vector<std::string> &words) {
    std::vector<char *> out;
    out.reserve(words.size() + 1);
    for (std::string &word : words)
        out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

/// Its number; what it says goes to @p output, its errors to our own.
Result<pid_t> start(const line::DhcpQuestion &question, int output) {
    auto argv = line::dhcp_arguments(question);
    auto environment = line::dhcp_environment(line::k_say_lease);
    const auto arguments = pointers(argv);
    const auto variables = pointers(environment);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::fail_errno("start", line::k_dhcp_client);
    if (pid > 0)
        return pid;
    // Only calls that are allowed after fork(2).
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (::getppid() == parent && ::dup2(null, STDIN_FILENO) == STDIN_FILENO &&
        ::dup2(output, STDOUT_FILENO) == STDOUT_FILENO)
        ::execve(line::k_dhcp_client, arguments.data(), variables.data());
    ::_exit(k_not_run);
}

/// All that comes before the other end is closed, or the time is over.
std::string read_until(int fd, Clock::time_point until) {
    std::string out;
    for (;;) {
        const auto left = std::chrono::ceil<base::Millis>(until - Clock::now());
        pollfd one{fd, POLLIN, 0};
        if (left <= 0ms || ::poll(&one, 1, static_cast<int>(left.count())) <= 0)
            return out;
        std::array<char, 4096> part{};
        const ssize_t n = ::read(fd, part.data(), part.size());
        if (n <= 0 || out.size() > k_most_said)
            return out;
        out.append(part.data(), static_cast<std::size_t>(n));
    }
}

Result<line::Lease> ask(const std::string &interface, const std::string &script,
                        DhcpPatience patience) {
    if (::access(line::k_dhcp_client, X_OK) != 0)
        return base::fail_hint(Errc::unavailable, "apt install udhcpc", "{}: {}",
                               line::k_dhcp_client, base::errno_text(errno));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::fail_errno("make", "pipe");
    const Fd said{ends[0]};
    Fd output{ends[1]};
    const line::DhcpQuestion question{.interface = interface,
                                      .script = script,
                                      .times = patience.times,
                                      .pause_s = static_cast<int>(patience.pause.count())};
    const pid_t pid = TRY(start(question, output.get()));
    output.reset();
    const auto limit = patience.times * patience.pause + k_slack;
    auto lease = line::find_lease(read_until(said.get(), Clock::now() + limit));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    if (!lease && lease.error().code == Errc::unavailable)
        return base::fail_hint(Errc::unavailable, "mmcli shows what the modem says of its bearer",
                               "this modem leaves its address to DHCP, and no server gives a lease "
                               "on {}",
                               interface);
    return lease;
}

} // namespace

AskDhcp ask_udhcpc(std::string script) {
    return [script = std::move(script)](const std::string &interface, DhcpPatience patience) {
        return ask(interface, script, patience);
    };
}

Result<line::Grant> Dhcp::grant(const std::string &interface) {
    if (!m_next || m_clock.steady() >= *m_next)
        look(interface);
    if (m_lease)
        return m_lease->grant;
    return std::unexpected(*m_error);
}

void Dhcp::look(const std::string &interface) {
    auto lease = m_ask(interface, m_lease ? k_renewal : DhcpPatience{});
    const auto now = m_clock.steady();
    if (lease) {
        m_lease = *std::move(lease);
        m_over = now + m_lease->time;
        m_next = now + m_lease->time / 2;
        return;
    }
    base::log::warning("{}", lease.error().message);
    m_error = std::move(lease).error();
    if (m_lease && now >= m_over)
        m_lease.reset();
    m_next = m_lease ? std::min<base::SteadyTime>(now + k_again, m_over) : now + k_much_later;
}

} // namespace modem
