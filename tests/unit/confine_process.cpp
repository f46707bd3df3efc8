// What a confined process is refused, tried in a process that is confined as relay-ingest is.
#include "base/fd.hpp"
#include "confine/process.hpp"

#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr int k_not_confined = 100;

// Runs @p act in a child: what waitpid(2) says of it. No doctest there.
template <typename Act> int in_child(Act act) {
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(act());
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return status;
}

constexpr auto k_receive = confine::Work::receive;
constexpr auto k_decode = confine::Work::decode;

template <typename Act> int confined(Act act, confine::Work work = k_receive) {
    return in_child([&act, work] {
        if (!confine::files() || !confine::calls(work))
            return k_not_confined;
        return act();
    });
}

// @p call must fail with EPERM in the confined process.
template <typename Call> bool is_refused(Call call, confine::Work work = k_receive) {
    const int status = confined(
        [&call] {
            errno = 0;
            return call() < 0 && errno == EPERM ? 0 : 1;
        },
        work);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The confined process must not outlive @p call.
template <typename Call> bool is_deadly(Call call, confine::Work work = k_receive) {
    const int status = confined(
        [&call] {
            call();
            return 0;
        },
        work);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

int connect_to_loopback(int fd) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd, reinterpret_cast<const sockaddr *>(&to), sizeof to);
}

} // namespace

TEST_CASE("confine: a confined process opens nothing, makes no socket, and signals nobody") {
    if (!confine::is_built()) {
        CHECK(is_refused([] { return ::open("/dev/null", O_RDONLY); }) == false);
        return;
    }
    CHECK(is_refused([] { return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC); }));
    CHECK(is_refused([] { return ::open("/tmp/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600); }));
    CHECK(is_refused([] { return ::openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC); }));
    CHECK(is_refused([] { return ::unlink("/tmp/nothing"); }));
    CHECK(is_refused([] { return ::mkdir("/tmp/nothing", 0700); }));
    CHECK(is_refused([] { return ::chdir("/"); }));
    struct stat info{};
    CHECK(is_refused([&info] { return ::stat("/etc/passwd", &info); }));
    for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET})
        CHECK(is_refused([family] { return ::socket(family, SOCK_DGRAM, 0); }));
    CHECK(is_refused([] { return ::kill(::getppid(), 0); }));
    CHECK(is_refused([] { return ::memfd_create("x", MFD_CLOEXEC); }));
    CHECK(is_refused([] { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }));
    CHECK(is_refused([] { return ::setuid(0); }));
    CHECK(is_refused([] { return ::dup(STDERR_FILENO); }));
    CHECK(is_refused([] { return ::fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK); }));
    CHECK(is_refused([] {
        return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                       MAP_FAILED
                   ? -1
                   : 0;
    }));
    const base::Fd made_before{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(is_refused([&made_before] { return connect_to_loopback(made_before.get()); }));
}

TEST_CASE("confine: a confined process that starts a program or looks into another is ended") {
    if (!confine::is_built())
        return;
    CHECK(is_deadly([] { ::execl("/bin/true", "true", nullptr); }));
    CHECK(is_deadly([] { ::syscall(SYS_execveat, STDIN_FILENO, "", nullptr, nullptr, 0x1000); }));
    CHECK(is_deadly([] { std::ignore = ::fork(); }));
    CHECK(is_deadly([] { std::ignore = ::syscall(SYS_vfork); }));
    CHECK(is_deadly([] { ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr); }));
    CHECK(
        is_deadly([] { ::syscall(SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0); }));
    CHECK(is_deadly([] { ::syscall(SYS_unshare, 0x10000000); }));
    CHECK(is_deadly([] { ::syscall(SYS_bpf, 0, nullptr, 0); }));
    CHECK(is_deadly([] { ::syscall(SYS_io_uring_setup, 1, nullptr); }));
}

TEST_CASE(
    "confine: a process that decodes reads its file, and may do no more than one that receives") {
    if (!confine::is_built())
        return;
    const base::Fd file{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
    const int status = confined(
        [&file] {
            std::array<int, 2> ends{};
            return ::lseek(file.get(), 1, SEEK_SET) == 1 && ::eventfd(0, 0) >= 0 &&
                           ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0
                       ? 0
                       : 1;
        },
        k_decode);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(is_refused([&file] { return ::lseek(file.get(), 1, SEEK_SET); }));
    CHECK(is_refused([] { return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC); }, k_decode));
    CHECK(is_refused([] { return ::socket(AF_INET, SOCK_DGRAM, 0); }, k_decode));
    CHECK(is_refused([] { return ::kill(::getppid(), 0); }, k_decode));
    CHECK(is_refused([] { return ::memfd_create("x", MFD_CLOEXEC); }, k_decode));
    CHECK(is_deadly([] { ::execl("/bin/true", "true", nullptr); }, k_decode));
    CHECK(is_deadly([] { std::ignore = ::fork(); }, k_decode));
    CHECK(is_deadly([] { ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr); }, k_decode));
}

TEST_CASE("confine: a confined process still has threads, memory, clocks and its sockets") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const base::Fd ours{ends[0]};
    const base::Fd theirs{ends[1]};
    const int status = confined([&theirs] {
        std::thread([&theirs] {
            std::vector<char> much(std::size_t{8} << 20, 'x');
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
            std::ignore = ::send(theirs.get(), much.data(), 5, MSG_NOSIGNAL);
        }).join();
        return 0;
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    std::array<char, 16> got{};
    CHECK(::recv(ours.get(), got.data(), got.size(), MSG_DONTWAIT) == 5);
}

// Threads that run already are confined with the rest.
TEST_CASE("confine: what confines counts for threads that were there before") {
    if (!confine::is_built())
        return;
    const int status = in_child([] {
        std::atomic<bool> confined{false};
        std::atomic<int> outcome{0};
        std::thread before([&] {
            while (!confined)
                std::this_thread::yield();
            outcome = ::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? errno : -1;
        });
        const bool done = confine::calls(k_receive).has_value();
        confined = true;
        before.join();
        return done && outcome == EPERM ? 0 : 1;
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

// Landlock's part by itself, as a filter that has a hole would leave it.
TEST_CASE("confine: where the kernel has Landlock, files are closed without the filter too") {
    if (!confine::is_built() || confine::support().landlock == 0) {
        CHECK(confine::files().has_value()); // and does nothing
        CHECK(base::Fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)});
        return;
    }
    const int status = in_child([] {
        const auto done = confine::files();
        const bool closed = ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES &&
                            ::open("/tmp/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 &&
                            errno == EACCES && ::execl("/bin/true", "true", nullptr) < 0 &&
                            errno == EACCES;
        return done && closed ? 0 : 1;
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
