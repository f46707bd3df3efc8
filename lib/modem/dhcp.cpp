#include "modem/dhcp.hpp"

#include "base/fd.hpp"
#include "line/dhcp_client.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace modem {

using base::Errc;
using base::Fd;
using base::Result;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto k_limit = 15s; // udhcpc gives up after ten
constexpr auto k_again = 10s; // after one that was not answered
constexpr std::size_t k_most_said = 16'384;

std::vector<char *> pointers(std::vector<std::string> &words) {
    std::vector<char *> out;
    out.reserve(words.size() + 1);
    for (std::string &word : words)
        out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

/// Its number; what it says goes to @p output, its errors to our own.
Result<pid_t> start(const std::string &interface, const std::string &script, int output) {
    auto argv = line::dhcp_arguments(interface, script, line::DhcpStay::leaves);
    auto environment = line::dhcp_environment(line::k_say_lease);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t pid = -1;
    const int failed = ::posix_spawn(&pid, line::k_dhcp_client, &actions, nullptr,
                                     pointers(argv).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed == 0)
        return pid;
    return base::fail_hint(Errc::unavailable, "apt install udhcpc", "{}: {}", line::k_dhcp_client,
                           base::errno_text(failed));
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

Result<line::Lease> ask(const std::string &interface, const std::string &script) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::fail_errno("make", "pipe");
    const Fd said{ends[0]};
    Fd output{ends[1]};
    const pid_t pid = TRY(start(interface, script, output.get()));
    output.reset();
    auto lease = line::find_lease(read_until(said.get(), Clock::now() + k_limit));
    ::kill(pid, SIGKILL); // it changes nothing itself
    ::waitpid(pid, nullptr, 0);
    if (!lease && lease.error().code == Errc::unavailable)
        return base::fail_hint(
            Errc::unavailable, "mmcli shows what the modem says of its bearer",
            "this modem leaves its address to DHCP, and no server gives a lease on {}", interface);
    return lease;
}

} // namespace

Result<line::Grant> Dhcp::grant(const std::string &interface) {
    const auto now = Clock::now();
    if (m_lease && now < m_next)
        return m_lease->grant;
    auto lease = ask(interface, m_script);
    if (lease) {
        m_lease = std::move(*lease);
        m_asked = now;
        m_next = now + m_lease->time / 2;
        return m_lease->grant;
    }
    if (!m_lease || now - m_asked >= m_lease->time)
        return std::unexpected(std::move(lease).error());
    m_next = now + k_again;
    return m_lease->grant;
}

} // namespace modem
