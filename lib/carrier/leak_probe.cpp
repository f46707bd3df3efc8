#include "carrier/leak_probe.hpp"

#include "base/fd.hpp"
#include "carrier/process.hpp"
#include "carrier/socket_address.hpp"

#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace carrier {

using base::Result;

namespace {

void try_once(const LeakProbe &probe, std::uint16_t port) {
    constexpr std::string_view k_text = "slotcast leak test";
    const SocketAddress to{probe.to, port};
    const base::Fd fd{::socket(to.get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        ::_exit(1);
    if (!probe.interface.empty() &&
        ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, probe.interface.data(),
                     static_cast<socklen_t>(probe.interface.size())) != 0)
        return; // gone just now
    // That it is refused is what is hoped for.
    (void)::sendto(fd.get(), k_text.data(), k_text.size(), 0, to.get(), to.size);
}

/// The child's whole life.
[[noreturn]] void run_child(const Identity &who, std::span<const LeakProbe> probes,
                            std::uint16_t port) {
    if (!become(who))
        ::_exit(1);
    drop_capabilities();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const LeakProbe &probe : probes)
        try_once(probe, port);
    ::_exit(0);
}

} // namespace

Result<void> send_as(const Identity &who, std::span<const LeakProbe> probes, std::uint16_t port) {
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::fail_errno("start", "the child that sends");
    if (pid == 0)
        run_child(who, probes, port);
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || exit_code_of(status) != 0)
        return base::fail(base::Errc::not_permitted, "send as user {}: the child could not",
                          who.uid);
    return {};
}

} // namespace carrier
