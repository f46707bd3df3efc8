#include "relay/upgrade.hpp"

#include "base/file.hpp"

#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace relay {

using base::Errc;
using base::Result;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_most_state = std::size_t{1} << 30;
constexpr std::string_view k_takes_over = "--take-over=";
constexpr std::string_view k_rehearses = "--rehearse";
// An exit status alone would be good of `true`, too.
constexpr std::string_view k_approval = "relay-serve can go on with this\n";
constexpr int k_not_started = 127;

bool is_same_file(const fs::path &a, const fs::path &b) {
    std::error_code failed;
    return fs::equivalent(a, b, failed) && !failed;
}

// Async-signal-safe. Libraries have descriptors that are not close-on-exec (libcurl's pairs).
bool inherit_only(const std::vector<int> &fds) {
    bool well = ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
    for (const int fd : fds)
        well = ::fcntl(fd, F_SETFD, 0) == 0 && well;
    return well;
}

// The command line, as execve(2) takes it.
class Line {
  public:
    Line(const OwnCommand &command, int state, bool rehearsal)
        : m_words{command.arguments.front(), fmt::format("{}{}", k_takes_over, state)} {
        if (rehearsal)
            m_words.emplace_back(k_rehearses);
        m_words.insert(m_words.end(), command.arguments.begin() + 1, command.arguments.end());
        for (std::string &word : m_words)
            m_argv.push_back(word.data());
        m_argv.push_back(nullptr);
    }
    [[nodiscard]] char *const *argv() const { return m_argv.data(); }

  private:
    std::vector<std::string> m_words;
    std::vector<char *> m_argv;
};

} // namespace

Result<OwnCommand> own_command(int argc, char **argv) {
    OwnCommand out;
    for (int i = 0; i < argc; ++i)
        if (const std::string_view word = argv[i]; i == 0 || !word.starts_with(k_takes_over))
            out.arguments.emplace_back(word);
    std::error_code failed;
    const fs::path self = "/proc/self/exe";
    out.program = fs::read_symlink(self, failed);
    if (failed || out.arguments.empty())
        return base::fail(Errc::unavailable, "find this program's own file: {}", failed.message());
    // As it was named when that can be told: behind a link may be another version next time.
    const fs::path named = out.arguments.front();
    if (named.has_parent_path() && is_same_file(named, self))
        out.program = fs::absolute(named, failed);
    return out;
}

Result<base::Fd> keep_state(std::string_view state) {
    base::Fd fd{::memfd_create("slotcast-state", MFD_CLOEXEC)};
    if (!fd)
        return base::fail_errno("make", "memory for the state");
    TRY(base::write_all(fd.get(), state, "the state"));
    return fd;
}

// By an offset of its own: a rehearsal has read it before, by the same description.
Result<std::string> read_state(int number) {
    const base::Fd fd{number};
    if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0 || ::lseek(fd.get(), 0, SEEK_SET) != 0)
        return base::fail_errno("read", "the state of the former program");
    return base::read_all(fd.get(), "the state", k_most_state);
}

Result<Rehearsal> Rehearsal::start(const OwnCommand &command, int state, std::vector<int> fds) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return base::fail_errno("make", "a pipe");
    base::Fd ours{ends[0]};
    const base::Fd theirs{ends[1]};
    fds.push_back(state);
    const Line line{command, state, true};
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::fail_errno("start", command.program.native());
    if (pid == 0) { // async-signal-safe calls only
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr); // NOLINT(concurrency-mt-unsafe): one thread
        if (inherit_only(fds) && ::dup2(theirs.get(), STDOUT_FILENO) >= 0 &&
            ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
            ::execve(command.program.c_str(), line.argv(), environ);
        ::_exit(k_not_started);
    }
    return Rehearsal{Process{pid}, std::move(ours)};
}

Rehearsal::Outcome Rehearsal::outcome() {
    const auto code = m_process.ended();
    if (!code)
        return Outcome::running;
    std::array<char, 64> space{};
    const ssize_t n = ::read(m_answer.get(), space.data(), space.size());
    if (*code == 0 &&
        std::string_view{space.data(), n < 0 ? 0 : static_cast<std::size_t>(n)} == k_approval)
        return Outcome::good;
    m_why = *code == 0               ? "it is another program"
            : *code == k_not_started ? "it cannot be started"
                                     : fmt::format("it ended with {}", *code);
    return Outcome::bad;
}

void Rehearsal::approve() {
    std::ignore = base::write_all(STDOUT_FILENO, k_approval, "the answer");
}

base::Error become(const OwnCommand &command, int state, const std::vector<int> &fds) {
    const Line line{command, state, false};
    std::vector<int> all = fds;
    all.push_back(state);
    if (inherit_only(all))
        ::execve(command.program.c_str(), line.argv(), environ);
    base::Error error = base::fail_errno("start", command.program.native()).error();
    std::ignore = inherit_only({});
    return error;
}

} // namespace relay
