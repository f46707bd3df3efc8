#include "relay/fanout.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

namespace relay {

namespace {

constexpr int k_pipe_bytes = 1 << 20;     // the most that pipe(7) gives to anybody
constexpr std::size_t k_least_pages = 16; // what sendfile(2) does at a time
constexpr std::size_t k_little = 8192;    // costs less than the calls that would save it
constexpr std::chrono::seconds k_sweep{1};

// A pipe's unit of account.
std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

ssize_t spliced(int from, off_t *offset, int to, std::size_t bytes, unsigned flags = 0) {
    ssize_t n = -1;
    do
        n = ::splice(from, offset, to, nullptr, bytes, flags | SPLICE_F_NONBLOCK);
    while (n < 0 && errno == EINTR);
    return n;
}

} // namespace

Fanout::Fanout() : m_nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC)), m_copy(make_pipe()) {
    if (m_nowhere && m_copy)
        m_pages = pages_of(*m_copy);
    if (m_pages < k_least_pages)
        m_pages = 0;
}

std::size_t Fanout::pages_of(const Pipe &pipe) {
    return static_cast<std::size_t>(::fcntl(pipe.in.get(), F_GETPIPE_SZ)) / page_bytes();
}

std::optional<Fanout::Pipe> Fanout::make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return std::nullopt;
    Pipe out{.out = base::Fd{ends[0]}, .in = base::Fd{ends[1]}};
    ::fcntl(out.in.get(), F_SETPIPE_SZ, k_pipe_bytes); // or it stays as small as it is
    return out;
}

// What fits in a pipe from @p offset on: each piece of a page takes the place of a page.
std::size_t Fanout::room(off_t offset) const {
    return m_pages * page_bytes() - static_cast<std::size_t>(offset) % page_bytes();
}

ssize_t Fanout::send(int socket, const Extent &extent, off_t offset, std::size_t bytes) {
    if (m_pages == 0 || bytes < k_little)
        return ::sendfile(socket, extent.fd(), &offset, bytes);
    ssize_t sent = 0;
    while (bytes > 0) {
        const Stretch stretch{
            .extent = extent.serial(), .offset = offset, .bytes = std::min(bytes, room(offset))};
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
    Pipe *from = find(stretch);
    if (from == nullptr && is_wanted_again(stretch))
        from = fill(file, stretch);
    if (from == nullptr) {
        off_t offset = stretch.offset;
        return ::sendfile(socket, file, &offset, stretch.bytes);
    }
    from->used = ++m_uses;
    from->idle = false;
    return give(socket, *from, more);
}

Fanout::Pipe *Fanout::find(const Stretch &stretch) {
    const auto it = std::ranges::find(m_pipes, stretch, &Pipe::holds);
    return it == m_pipes.end() ? nullptr : &*it;
}

bool Fanout::is_wanted_again(const Stretch &stretch) {
    if (std::ranges::find(m_seen, stretch) != m_seen.end())
        return true;
    m_seen[m_next_seen++ % k_remembered] = stretch;
    return false;
}

// In place of the one that was not used for longest. Null: it cannot be had.
Fanout::Pipe *Fanout::fill(int file, const Stretch &stretch) {
    Pipe &pipe = *std::ranges::min_element(m_pipes, {}, &Pipe::used);
    if (!pipe.in) {
        auto made = make_pipe();
        if (!made || pages_of(*made) < m_pages) { // limits: see pipe(7)
            m_pages = 0;
            return nullptr;
        }
        pipe = *std::move(made);
    }
    empty(pipe);
    pipe.holds = stretch;
    pipe.holds.bytes = 0;
    off_t offset = stretch.offset;
    while (pipe.holds.bytes < stretch.bytes) {
        const ssize_t n = spliced(file, &offset, pipe.in.get(), stretch.bytes - pipe.holds.bytes);
        if (n <= 0) { // a file that ends
            empty(pipe);
            return nullptr;
        }
        pipe.holds.bytes += static_cast<std::size_t>(n);
    }
    ++m_filled;
    return &pipe;
}

ssize_t Fanout::give(int socket, const Pipe &from, bool more) {
    const ssize_t copied =
        ::tee(from.out.get(), m_copy->in.get(), from.holds.bytes, SPLICE_F_NONBLOCK);
    if (copied <= 0)
        return copied;
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
    drop(*m_copy, static_cast<std::size_t>(copied - sent));
    ++m_given;
    errno = why;
    return sent > 0 ? sent : -1;
}

void Fanout::drop(Pipe &pipe, std::size_t bytes) const {
    while (bytes > 0) {
        const ssize_t n = spliced(pipe.out.get(), nullptr, m_nowhere.get(), bytes);
        if (n <= 0)
            break;
        bytes -= static_cast<std::size_t>(n);
    }
}

void Fanout::empty(Pipe &pipe) const {
    drop(pipe, pipe.holds.bytes);
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
