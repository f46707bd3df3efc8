#include "relay/child.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <vector>

namespace relay {

using base::Errc;
using base::Result;

namespace {

constexpr int k_child_fd = 3;
constexpr auto k_patience = std::chrono::seconds{10}; // with a child that takes no message

// Between fork and exec of a process with threads: async-signal-safe calls only.
[[noreturn]] void become_child(int program, int socket, int null, const ChildIdentity &who,
                               const sigset_t &mask, pid_t parent, const char *name) {
    constexpr int k_failed = 127;
    std::array<char *const, 4> argv{const_cast<char *>(name), const_cast<char *>("--fd"),
                                    const_cast<char *>("3"), nullptr};
    std::array<char *const, 2> env{const_cast<char *>("PATH=/usr/bin:/bin"), nullptr};
    // Above what is closed, so that dup2 cannot meet them.
    const int program_high = ::fcntl(program, F_DUPFD, 16);
    const int socket_high = ::fcntl(socket, F_DUPFD, 16);
    bool good = program_high >= 0 && socket_high >= 0 && ::dup2(null, STDIN_FILENO) >= 0 &&
                ::dup2(null, STDOUT_FILENO) >= 0 && ::dup2(socket_high, k_child_fd) >= 0;
    ::syscall(SYS_close_range, k_child_fd + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (who.change)
        good = good && ::setgroups(0, nullptr) == 0 &&
               ::setresgid(who.gid, who.gid, who.gid) == 0 &&
               ::setresuid(who.uid, who.uid, who.uid) == 0;
    good = good && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
    ::signal(SIGPIPE, SIG_DFL); // NOLINT(concurrency-mt-unsafe): there is one thread here
    ::sigprocmask(SIG_SETMASK, &mask, nullptr); // NOLINT(concurrency-mt-unsafe): as above
    if (good)
        ::syscall(SYS_execveat, program_high, "", argv.data(), env.data(), AT_EMPTY_PATH);
    ::_exit(k_failed);
}

} // namespace

Result<ChildIdentity> find_identity(const std::string &user) {
    if (::geteuid() != 0)
        return ChildIdentity{};
    passwd entry{};
    passwd *found = nullptr;
    std::vector<char> space(16384);
    ::getpwnam_r(user.c_str(), &entry, space.data(), space.size(), &found);
    if (found == nullptr || found->pw_uid == 0)
        return base::fail_hint(Errc::config, "set user in relay.toml to one without privileges",
                               "there is no unprivileged user '{}' for the ingest processes", user);
    return ChildIdentity{.change = true, .uid = found->pw_uid, .gid = found->pw_gid};
}

Result<base::Fd> open_child_program(std::string_view name) {
    std::error_code ignored;
    const auto here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    const auto beside = here / name;
    const auto installed = here.parent_path() / "libexec" / "slotcast" / name;
    for (const auto &path : {beside, installed}) {
        base::Fd fd{::open(path.c_str(), O_PATH | O_CLOEXEC)};
        if (fd && ::faccessat(AT_FDCWD, path.c_str(), X_OK, 0) == 0)
            return fd;
    }
    return base::fail_hint(Errc::no_input, "install the whole of Slotcast, or run make",
                           "{} is neither {} nor {}", name, beside.native(), installed.native());
}

Result<Child> Child::start(int program, const ChildIdentity &identity, sigset_t mask,
                           const char *name) {
    auto [ours, theirs] = TRY(base::MessageSocket::make_pair());
    const base::Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (!null)
        return base::fail_errno("open", "/dev/null");
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::fail_errno("start", name);
    if (pid == 0)
        become_child(program, theirs.fd(), null.get(), identity, mask, parent, name);
    return Child{pid, std::move(ours)};
}

Child::Child(Child &&other) noexcept
    : m_pid(std::exchange(other.m_pid, -1)), m_socket(std::move(other.m_socket)),
      m_outlet(other.m_outlet) {}

// One that ends by itself keeps its status, though the signal still meets it.
std::string Child::end() {
    if (m_pid <= 0)
        return {};
    ::kill(m_pid, SIGKILL);
    int status = 0;
    while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
    }
    m_pid = -1;
    return describe_end(status);
}

std::string describe_end(int status) {
    if (WIFEXITED(status))
        return fmt::format("exit status {}", WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    const char *name = ::sigabbrev_np(signal);
    return fmt::format("killed by SIG{}{}", name == nullptr ? std::to_string(signal) : name,
                       signal == SIGSYS ? ", a forbidden system call" : "");
}

Result<void> Outlet::flush(base::MessageSocket &socket, Intake &intake, base::SteadyTime now) {
    while (!intake.outbox.empty()) {
        const Intake::Outgoing &next = intake.outbox.front();
        std::vector<int> fds;
        if (next.extent)
            fds.push_back(next.extent->fd());
        std::string text = wire::write_ingest(next.message);
        const auto sent = socket.send(text, fds);
        if (std::holds_alternative<wire::IngestSetup>(next.message))
            seal::wipe(text);
        if (!sent && sent.error().code == Errc::try_again) {
            m_stuck_since = m_stuck_since.value_or(now);
            if (now - *m_stuck_since >= k_patience)
                return base::fail(Errc::protocol, "it does not read its messages");
            return {};
        }
        if (!sent)
            return sent;
        m_stuck_since.reset();
        intake.outbox.pop_front();
    }
    m_stuck_since.reset();
    return {};
}

} // namespace relay
