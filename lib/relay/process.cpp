#include "relay/process.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace relay {

using base::Errc;
using base::Result;

namespace {

constexpr int k_failed = 127;
constexpr int k_nice = 15;
constexpr rlim_t k_cpu_s = 5;
constexpr rlim_t k_memory = rlim_t{2} << 30; // of addresses: a decoder of 4K and its libraries
constexpr rlim_t k_files = 64;

bool limit(int resource, rlim_t value) {
    const rlimit both{.rlim_cur = value, .rlim_max = value};
    return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both) == 0;
}

bool confine(bool root) {
    if (root) // best effort: a container may refuse it
        std::ignore = ::unshare(CLONE_NEWNET | CLONE_NEWIPC);
    std::ignore = ::setpriority(PRIO_PROCESS, 0, k_nice);
    return limit(RLIMIT_CPU, k_cpu_s) && limit(RLIMIT_AS, k_memory) &&
           limit(RLIMIT_FSIZE, Launch::k_most_output) && limit(RLIMIT_NOFILE, k_files);
}

// Descriptors and texts of the child, made before the fork.
struct Prepared {
    int program, in, out, err, socket;
    char *const *argv;
    char *const *env;
    bool confined;
};

// Between fork and exec of a process with threads: async-signal-safe calls only.
[[noreturn]] void become_child(const Prepared &p, const ChildIdentity &who, const sigset_t &mask,
                               pid_t parent) {
    // Above what is closed, so that dup2 cannot meet them.
    const auto high = [](int fd) { return ::fcntl(fd, F_DUPFD, 16); };
    const int program = high(p.program);
    const int in = high(p.in);
    const int out = high(p.out);
    const int err = p.err < 0 ? -1 : high(p.err);
    const int socket = p.socket < 0 ? -1 : high(p.socket);
    bool good = program >= 0 && in >= 0 && out >= 0 && ::dup2(in, STDIN_FILENO) >= 0 &&
                ::dup2(out, STDOUT_FILENO) >= 0;
    good = good && (p.err < 0 || ::dup2(err, STDERR_FILENO) >= 0);
    good = good && (p.socket < 0 || ::dup2(socket, Launch::k_socket) >= 0);
    ::syscall(SYS_close_range, p.socket < 0 ? Launch::k_socket : Launch::k_socket + 1, ~0U,
              CLOSE_RANGE_CLOEXEC);
    good = good && (!p.confined || confine(who.change));
    if (who.change)
        good = good && ::setgroups(0, nullptr) == 0 &&
               ::setresgid(who.gid, who.gid, who.gid) == 0 &&
               ::setresuid(who.uid, who.uid, who.uid) == 0;
    good = good && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
    ::signal(SIGPIPE, SIG_DFL); // NOLINT(concurrency-mt-unsafe): there is one thread here
    ::signal(SIGUSR2, SIG_IGN); // NOLINT(concurrency-mt-unsafe): systemctl kill tells all of them
    ::sigprocmask(SIG_SETMASK, &mask, nullptr); // NOLINT(concurrency-mt-unsafe): as above
    if (good)
        ::syscall(SYS_execveat, program, "", p.argv, p.env, AT_EMPTY_PATH);
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

Result<Process> Process::start(const Launch &launch, const ChildIdentity &identity, sigset_t mask) {
    const base::Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (!null)
        return base::fail_errno("open", "/dev/null");
    std::vector<char *> argv;
    argv.reserve(launch.arguments.size() + 1);
    for (const std::string &argument : launch.arguments)
        argv.push_back(const_cast<char *>(argument.c_str()));
    argv.push_back(nullptr);
    std::array<char *const, 2> env{const_cast<char *>("PATH=/usr/bin:/bin"), nullptr};
    const Prepared prepared{.program = launch.program,
                            .in = launch.in < 0 ? null.get() : launch.in,
                            .out = launch.out < 0 ? null.get() : launch.out,
                            .err = launch.confined ? null.get() : -1,
                            .socket = launch.socket,
                            .argv = argv.data(),
                            .env = env.data(),
                            .confined = launch.confined};
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::fail_errno("start", launch.arguments.front());
    if (pid == 0)
        become_child(prepared, identity, mask, parent);
    return Process{pid};
}

Process::Process(Process &&other) noexcept : m_pid(std::exchange(other.m_pid, -1)) {}

// One that ends by itself keeps its status, though the signal still meets it.
std::string Process::end() {
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

std::optional<int> Process::ended() {
    int status = 0;
    if (m_pid <= 0 || ::waitpid(m_pid, &status, WNOHANG) != m_pid)
        return std::nullopt;
    m_pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace relay
