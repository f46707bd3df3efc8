#include "carrier/process.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;

namespace {

// Where the child stopped, for the error text; an enumerator, because it crosses a pipe.
enum class Stage : int { network, user, descriptors, run };

struct Failure {
    Stage stage = Stage::run;
    int err = 0;
};

/// C strings for execve(2), pointing into @p texts.
std::vector<char *> pointers(const std::vector<std::string> &texts) {
    std::vector<char *> out;
    out.reserve(texts.size() + 1);
    for (const std::string &text : texts)
        out.push_back(const_cast<char *>(text.c_str())); // NOLINT: execve does not write
    out.push_back(nullptr);
    return out;
}

// From here to run_child: in the child of a possibly threaded process, so system calls only.

[[noreturn]] void give_up(int report, Stage stage) {
    const Failure failure{stage, errno};
    (void)!::write(report, &failure, sizeof failure);
    ::_exit(126);
}

bool place_descriptors(const Spawn &what) {
    // First out of the way of the numbers that are wanted, then there.
    constexpr int k_out_of_the_way = 100;
    constexpr std::size_t k_most = 8;
    std::array<int, k_most> moved{};
    if (what.fds.size() > k_most)
        return false;
    for (std::size_t i = 0; i < what.fds.size(); ++i) {
        moved[i] = ::fcntl(what.fds[i].first, F_DUPFD_CLOEXEC, k_out_of_the_way);
        if (moved[i] < 0)
            return false;
    }
    int first_free = 3;
    for (std::size_t i = 0; i < what.fds.size(); ++i) {
        if (::dup2(moved[i], what.fds[i].second) < 0)
            return false;
        first_free = std::max(first_free, what.fds[i].second + 1);
    }
    if (!what.confined && !what.apart)
        return true;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int standard : {0, 1, 2}) {
        const bool placed =
            std::ranges::find(what.fds, standard, &std::pair<int, int>::second) != what.fds.end();
        if (!placed && (standard != 2 || what.apart) && (null < 0 || ::dup2(null, standard) < 0))
            return false;
    }
    // Marked, not closed: the report and the program itself are still needed.
    return ::syscall(SYS_close_range, first_free, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0;
}

void confine(pid_t parent) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent)
        ::_exit(126);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none); // it holds passphrases
    ::umask(077);
    (void)!::chdir("/");
}

void set_apart() {
    ::setsid();
    for (int signal = 1; signal < NSIG; ++signal)
        ::signal(signal, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    (void)!::chdir("/");
}

/// False when our parent does not want us to go on, or is dead.
bool may_run(int gate) {
    char word = 0;
    return gate < 0 || ::read(gate, &word, 1) == 1;
}

/// The ends of its pipes that the child keeps.
struct ChildEnds {
    int report = -1;
    int gate = -1; // -1: it need not ask
};

[[noreturn]] void run_child(const Spawn &what, char *const *argv, char *const *environment,
                            ChildEnds ends, pid_t parent) {
    const int report = ends.report;
    if (!may_run(ends.gate))
        ::_exit(126);
    if (what.apart)
        set_apart();
    if (what.restore_signals)
        what.restore_signals();
    ::signal(SIGPIPE, SIG_DFL);
    if (what.network_fd >= 0 && ::setns(what.network_fd, CLONE_NEWNET) != 0)
        give_up(report, Stage::network);
    if (what.confined) // what needs the capability to give capabilities up
        for (int capability = 0; ::prctl(PR_CAPBSET_DROP, capability) == 0; ++capability) {
        }
    if (what.become && !become(*what.become))
        give_up(report, Stage::user);
    if (what.confined) {
        drop_capabilities();
        confine(parent);
    }
    if (!place_descriptors(what))
        give_up(report, Stage::descriptors);
    if (what.executable_fd >= 0)
        ::syscall(SYS_execveat, what.executable_fd, "", argv, environment, AT_EMPTY_PATH);
    else
        ::execvpe(argv[0], argv, environment);
    give_up(report, Stage::run);
}

NotRun not_run(const Spawn &what, const Failure &failure) {
    const std::string &name = what.argv.front();
    if (failure.stage == Stage::network)
        return {126, base::fail(Errc::not_permitted, "run {}: enter its network namespace: {}",
                                name, base::errno_text(failure.err))
                         .error()};
    if (failure.stage == Stage::user)
        return {126, base::fail(Errc::not_permitted, "run {}: become user {}: {}", name,
                                what.become ? what.become->uid : 0, base::errno_text(failure.err))
                         .error()};
    const bool absent = failure.stage == Stage::run && failure.err == ENOENT;
    return {absent ? 127 : 126,
            base::fail(Errc::no_input, "run {}: {}", name, base::errno_text(failure.err)).error()};
}

bool make_pipe(Fd &read_end, Fd &write_end) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return false;
    read_end = Fd{ends[0]};
    write_end = Fd{ends[1]};
    return true;
}

/// A pair of sockets, since who writes to one that nobody holds any more can be spared the signal.
bool make_gate(Fd &child, Fd &parent) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return false;
    child = Fd{ends[0]};
    parent = Fd{ends[1]};
    return true;
}

} // namespace

bool become(const Identity &who) {
    return ::setgroups(who.groups.size(), who.groups.data()) == 0 &&
           ::setresgid(who.gid, who.gid, who.gid) == 0 &&
           ::setresuid(who.uid, who.uid, who.uid) == 0;
}

void drop_capabilities() {
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    ::syscall(SYS_capset, &header, none.data());
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

std::expected<pid_t, NotRun> spawn(const Spawn &what) {
    const auto argv = pointers(what.argv);
    const auto environment = pointers(what.environment);
    Fd read_end;
    Fd write_end;
    Fd child_gate;
    Fd gate;
    if (!make_pipe(read_end, write_end) || (what.before_run && !make_gate(child_gate, gate)))
        return std::unexpected(NotRun{126, base::fail_errno("make", "pipe").error()});
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return std::unexpected(NotRun{126, base::fail_errno("start", what.argv.front()).error()});
    if (pid == 0) {
        gate.reset(); // or its read end would never see us gone
        run_child(what, argv.data(), environment.data(), {write_end.get(), child_gate.get()},
                  parent);
    }
    write_end.reset();
    child_gate.reset();
    if (what.before_run) {
        if (auto told = what.before_run(pid); !told) {
            gate.reset();
            ::waitpid(pid, nullptr, 0);
            return std::unexpected(NotRun{126, std::move(told).error()});
        }
        (void)::send(gate.get(), "", 1, MSG_NOSIGNAL);
    }
    Failure failure;
    ssize_t n = 0;
    do
        n = ::read(read_end.get(), &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n != static_cast<ssize_t>(sizeof failure))
        return pid; // closed by a successful exec
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(not_run(what, failure));
}

std::vector<std::string> environment_with(const std::vector<std::string> &changes) {
    std::vector<std::string> out = changes;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('=') + 1);
        if (std::ranges::none_of(changes, [&](const auto &c) { return c.starts_with(name); }))
            out.emplace_back(text);
    }
    return out;
}

Result<std::string> helper_path(std::string_view name) {
    const Fd helper = TRY(open_helper(name));
    std::error_code failed;
    const auto path =
        std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", helper.get()), failed);
    if (failed)
        return base::fail_errno("find", name, failed.value());
    return path.native();
}

Result<Fd> open_helper(std::string_view name) {
    std::error_code failed;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
    const auto elsewhere = self.parent_path() / "libexec" / "slotcast" / name;
    for (const auto &path : {self / name, elsewhere}) {
        // By descriptor, since its user may not be allowed to walk to it.
        Fd fd{::open(path.c_str(), O_PATH | O_CLOEXEC)};
        if (fd)
            return fd;
        if (errno != ENOENT && errno != ENOTDIR)
            return base::fail_errno("open", path.native());
    }
    return base::fail_hint(Errc::unavailable, "it is installed with Slotcast",
                           "{} is neither in {} nor in {}", name, self.native(),
                           elsewhere.parent_path().native());
}

int exit_code_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

} // namespace carrier
