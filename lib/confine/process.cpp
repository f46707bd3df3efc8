#include "confine/process.hpp"

#include "base/fd.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <memory>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace confine {

using base::Errc;
using base::fail_errno;
using base::Result;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool k_built = false;
#else
constexpr bool k_built = true;
#endif

// landlock_ruleset_attr as of ABI 6; linux/landlock.h of Debian 12 ends earlier. The kernel takes a
// longer one than it knows when the rest is zero.
struct Ruleset {
    std::uint64_t files = 0;
    std::uint64_t net = 0;
    std::uint64_t scoped = 0;
};

Ruleset all_rights(int abi) {
    constexpr std::uint64_t k_since_1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    constexpr std::uint64_t k_refer = std::uint64_t{1} << 13;
    constexpr std::uint64_t k_truncate = std::uint64_t{1} << 14;
    constexpr std::uint64_t k_ioctl_dev = std::uint64_t{1} << 15;
    constexpr std::uint64_t k_tcp_bind_and_connect = 3;
    constexpr std::uint64_t k_abstract_sockets_and_signals = 3;
    return {.files = k_since_1 | (abi >= 2 ? k_refer : 0) | (abi >= 3 ? k_truncate : 0) |
                     (abi >= 5 ? k_ioctl_dev : 0),
            .net = abi >= 4 ? k_tcp_bind_and_connect : 0,
            .scoped = abi >= 6 ? k_abstract_sockets_and_signals : 0};
}

// What receiving, threads, memory and clocks need, whatever the arguments.
constexpr std::array k_allowed{
    // sockets and pipes that are open
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(close),
    SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg), SCMP_SYS(shutdown), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(fstat),
    // threads
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit),
    SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
    // signals to itself: abort(3) and the way back from a handler
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    // memory, and extents that are handed in
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(getrandom),
    // clocks
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time)};

// GStreamer: it reads a file from where it likes, and wakes its threads by descriptors.
constexpr std::array k_decoding{SCMP_SYS(lseek), SCMP_SYS(eventfd2), SCMP_SYS(socketpair)};
// No library of ours makes these: whoever does has taken the process over.
constexpr std::array k_deadly{SCMP_SYS(execve),
                              SCMP_SYS(execveat),
                              SCMP_SYS(fork),
                              SCMP_SYS(vfork),
                              SCMP_SYS(ptrace),
                              SCMP_SYS(process_vm_readv),
                              SCMP_SYS(process_vm_writev),
                              SCMP_SYS(pidfd_getfd),
                              SCMP_SYS(unshare),
                              SCMP_SYS(setns),
                              SCMP_SYS(mount),
                              SCMP_SYS(umount2),
                              SCMP_SYS(bpf),
                              SCMP_SYS(io_uring_setup),
                              SCMP_SYS(userfaultfd),
                              SCMP_SYS(perf_event_open),
                              SCMP_SYS(init_module),
                              SCMP_SYS(finit_module),
                              SCMP_SYS(kexec_load),
                              SCMP_SYS(add_key),
                              SCMP_SYS(keyctl)};

class Filter {
  public:
    Filter() : m_context(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), ::seccomp_release) {
        note(m_context == nullptr ? -ENOMEM : 0);
    }
    void add(std::uint32_t action, int call) {
        note(::seccomp_rule_add_array(m_context.get(), action, call, 0, nullptr));
    }
    void add(std::uint32_t action, int call, scmp_arg_cmp when) {
        note(::seccomp_rule_add_array(m_context.get(), action, call, 1, &when));
    }
    // Into the kernel, for all threads.
    Result<void> load() {
        note(::seccomp_attr_set(m_context.get(), SCMP_FLTATR_CTL_TSYNC, 1));
        if (m_error == 0)
            note(::seccomp_load(m_context.get()));
        if (m_error == 0)
            return {};
        return base::fail_hint(Errc::unavailable, "a kernel with CONFIG_SECCOMP_FILTER is needed",
                               "forbid system calls: {}",
                               std::error_code(m_error, std::generic_category()).message());
    }

  private:
    void note(int outcome) {
        if (m_error == 0 && outcome < 0)
            m_error = -outcome;
    }
    std::unique_ptr<void, void (*)(scmp_filter_ctx)> m_context;
    int m_error = 0;
};

void allow_by_arguments(Filter &filter) {
    constexpr auto k_thread = static_cast<scmp_datum_t>(CLONE_THREAD);
    constexpr auto k_exec = static_cast<scmp_datum_t>(PROT_EXEC);
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, k_thread, k_thread));
    filter.add(SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, k_thread, 0));
    // Its flags are out of a filter's sight; the C library takes clone(2) then.
    filter.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
        filter.add(SCMP_ACT_ALLOW, call, SCMP_A2(SCMP_CMP_MASKED_EQ, k_exec, 0));
    // fstat(3) is this call on an empty path.
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(newfstatat),
               SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
    for (const int command : {F_GETFD, F_GETFL, F_GET_SEALS})
        filter.add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl),
                   SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command)));
    for (const int option : {PR_SET_NAME, PR_GET_NAME}) // libsrt names its threads
        filter.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl),
                   SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(option)));
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
               SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
}

Result<void> drop_capabilities() {
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0)
        return fail_errno("give up", "capabilities");
    return {};
}

} // namespace

bool is_built() {
    return k_built;
}

Support support() {
    const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
    const long abi =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return {.filter = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0,
            .landlock = abi < 0 ? 0 : static_cast<int>(abi)};
}

std::string describe(const Support &support) {
    return fmt::format("{}, {}", support.filter ? "seccomp" : "no seccomp",
                       support.landlock == 0 ? std::string("no Landlock")
                                             : fmt::format("Landlock ABI {}", support.landlock));
}

Result<void> files() {
    const int abi = support().landlock;
    if (!k_built || abi == 0)
        return {};
    const Ruleset nothing = all_rights(abi);
    const base::Fd rules{
        static_cast<int>(::syscall(SYS_landlock_create_ruleset, &nothing, sizeof nothing, 0))};
    if (!rules)
        return fail_errno("make", "Landlock rules");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
        return fail_errno("apply", "Landlock rules");
    return {};
}

Result<void> calls(Work work) {
    if (!k_built)
        return {};
    TRY(drop_capabilities());
    Filter filter;
    for (const int call : k_allowed)
        filter.add(SCMP_ACT_ALLOW, call);
    if (work == Work::decode)
        for (const int call : k_decoding)
            filter.add(SCMP_ACT_ALLOW, call);
    for (const int call : k_deadly)
        filter.add(SCMP_ACT_KILL_PROCESS, call);
    allow_by_arguments(filter);
    return filter.load();
}

} // namespace confine
