#include "cli/stop_signal.hpp"

#include <sys/signalfd.h>

namespace cli {

base::Result<StopSignal> StopSignal::make(const std::vector<int> &more) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    for (const int signal : more)
        sigaddset(&wanted, signal);
    sigset_t former;
    if (::pthread_sigmask(SIG_BLOCK, &wanted, &former) != 0)
        return base::fail_errno("block", "signals");
    base::Fd fd{::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd)
        return base::fail_errno("open", "signalfd");
    return StopSignal{std::move(fd), former};
}

std::optional<int> StopSignal::take() {
    signalfd_siginfo info{};
    if (::read(m_fd.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info))
        return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

void StopSignal::unblock() const {
    ::pthread_sigmask(SIG_SETMASK, &m_former, nullptr);
}

} // namespace cli
