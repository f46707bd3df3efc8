#include "relay/fanout.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

namespace relay {

namespace {

// A stretch's most. A larger one costs more to copy for a socket that takes only the begin of it,
// and the kernel gives each user but 64 MB of pipes (pipe-user-pages-soft, see pipe(7)).
constexpr std::size_t k_grid = 512 * 1024;
constexpr std::size_t k_little = 8192; // costs less than the calls that would save it
// A pipe that was used so few sends ago will be used again: with more stretches at a time than
// there are pipes, each would be filled for one viewer.
constexpr std::uint64_t k_recent = 32;
constexpr std::chrono::seconds k_sweep{1};

ssize_t spliced(int from, off_t *offset, int to, std::size_t bytes, unsigned flags = 0) {
    ssize_t n = -1;
    do
        n = ::splice(from, offset, to, nullptr, bytes, flags | SPLICE_F_NONBLOCK);
    while (n < 0 && errno == EINTR);
    return n;
}

// All of it where a pipe has a place for each page of it, else up to the next place of the grid:
// whoever is given live media every now and then gets it by one call.
std::size_t piece_of(off_t offset, std::size_t bytes) {
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto at = static_cast<std::size_t>(offset);
    const bool fits = bytes <= k_grid && at % page + bytes <= k_grid;
    return fits ? bytes : std::min(bytes, k_grid - at % k_grid);
}

// These calls cannot be had here, in a sandbox say; all else is the socket's affair.
bool is_refused(int error_number) {
    return error_number == EPERM || error_number == ENOSYS || error_number == EINVAL;
}

} // namespace

Fanout::Fanout(std::size_t pipes) : m_most(std::min(pipes, k_most_pipes)) {
    if (m_most == 0)
        return;
    m_nowhere = base::Fd{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    m_copy = make_pipe();
    if (!m_nowhere || !m_copy)
        m_most = 0;
    m_pipes.reserve(m_most);
}

// Each piece of a page takes the place of a page: see piece_of().
std::optional<Fanout::Pipe> Fanout::make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return std::nullopt;
    Pipe out{.out = base::Fd{ends[0]}, .in = base::Fd{ends[1]}};
    if (::fcntl(out.in.get(), F_SETPIPE_SZ, static_cast<int>(k_grid)) < 0)
        return std::nullopt; // this user has all that it may have
    return out;
}

ssize_t Fanout::send(int socket, const Extent &extent, off_t offset, std::size_t bytes) {
    if (m_most == 0 || bytes < k_little)
        return ::sendfile(socket, extent.fd(), &offset, bytes);
    ssize_t sent = 0;
    while (bytes > 0) {
        const Stretch stretch{
            .extent = extent.serial(), .offset = offset, .bytes = piece_of(offset, bytes)};
        const ssize_t n = send(socket, extent.fd(), stretch, bytes > stretch.bytes);
        if (n <= 0)
            return sent > 0 ? sent : n;
        sent += n;
        offset += n;
        bytes -= static_cast<std::size_t>(n);
        if (static_cast<std::size_t>(n) < stretch.bytes)
            break;
    }
    return sent;
}

ssize_t Fanout::send(int socket, int file, const Stretch &stretch, bool more) {
    ++m_sends;
    const bool worth_it = m_most > 0 && stretch.bytes >= k_little;
    Pipe *from = worth_it ? find(stretch) : nullptr;
    const bool seen = from == nullptr && std::ranges::find(m_seen, stretch) != m_seen.end();
    if (worth_it && seen)
        from = fill(file, stretch);
    if (from != nullptr) {
        from->used = m_sends;
        from->idle = false;
        const ssize_t n = give(socket, *from, more);
        if (n >= 0 || !is_refused(errno))
            return n;
        m_most = 0;
    }
    off_t offset = stretch.offset;
    const ssize_t n = ::sendfile(socket, file, &offset, stretch.bytes);
    // Only what somebody was given: whose socket is full asks for the same again.
    if (n > 0 && !seen)
        m_seen[m_next_seen++ % k_remembered] = stretch;
    return n;
}

Fanout::Pipe *Fanout::find(const Stretch &stretch) {
    const auto it = std::ranges::find(m_pipes, stretch, &Pipe::holds);
    return it == m_pipes.end() ? nullptr : &*it;
}

// One more, or the one that was not used for longest. Null: all are in use.
Fanout::Pipe *Fanout::spare() {
    if (m_pipes.size() < m_most) {
        if (auto made = make_pipe())
            return &m_pipes.emplace_back(*std::move(made));
        m_most = m_pipes.size();
    }
    const auto oldest = std::ranges::min_element(m_pipes, {}, &Pipe::used);
    if (oldest == m_pipes.end() || (oldest->holds.bytes > 0 && m_sends - oldest->used < k_recent))
        return nullptr;
    empty(*oldest);
    return &*oldest;
}

// Null: it cannot be had.
Fanout::Pipe *Fanout::fill(int file, const Stretch &stretch) {
    Pipe *const pipe = spare();
    if (pipe == nullptr)
        return nullptr;
    pipe->holds = stretch;
    pipe->holds.bytes = 0;
    off_t offset = stretch.offset;
    while (pipe->holds.bytes < stretch.bytes) {
        const ssize_t n = spliced(file, &offset, pipe->in.get(), stretch.bytes - pipe->holds.bytes);
        if (n <= 0) { // a file that ends
            empty(*pipe);
            return nullptr;
        }
        pipe->holds.bytes += static_cast<std::size_t>(n);
    }
    ++m_filled;
    return pipe;
}

ssize_t Fanout::give(int socket, const Pipe &from, bool more) {
    const ssize_t copied =
        ::tee(from.out.get(), m_copy->in.get(), from.holds.bytes, SPLICE_F_NONBLOCK);
    if (copied <= 0) {
        errno = copied == 0 || errno == EAGAIN ? ENOSYS : errno; // it was empty, and has room
        return -1;
    }
    ssize_t sent = 0;
    int why = 0;
    while (sent < copied) {
        const ssize_t n =
            spliced(m_copy->out.get(), nullptr, socket, static_cast<std::size_t>(copied - sent),
                    more ? SPLICE_F_MORE : 0);
        why = errno;
        if (n <= 0)
            break;
        sent += n;
    }
    if (!drop(*m_copy, static_cast<std::size_t>(copied - sent))) {
        m_copy = make_pipe(); // or the next viewer would get the rest
        m_most = m_copy ? m_most : 0;
    }
    ++m_given;
    errno = why;
    return sent > 0 ? sent : -1;
}

bool Fanout::drop(Pipe &pipe, std::size_t bytes) const {
    while (bytes > 0) {
        const ssize_t n = spliced(pipe.out.get(), nullptr, m_nowhere.get(), bytes);
        if (n <= 0)
            return false;
        bytes -= static_cast<std::size_t>(n);
    }
    return true;
}

void Fanout::empty(Pipe &pipe) const {
    if (!drop(pipe, pipe.holds.bytes))
        pipe = make_pipe().value_or(Pipe{});
    pipe.holds = {};
}

void Fanout::sweep(base::SteadyTime now) {
    if (now - m_swept < k_sweep)
        return;
    m_swept = now;
    for (Pipe &pipe : m_pipes)
        if (std::exchange(pipe.idle, true) && pipe.holds.bytes > 0)
            empty(pipe);
}

} // namespace relay
