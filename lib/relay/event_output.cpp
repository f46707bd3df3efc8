#include "relay/event_output.hpp"

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

#include <poll.h>
#include <utility>

namespace relay {

using base::Errc;
using base::Result;

namespace {

// A pipe that poll(2) calls writable takes PIPE_BUF bytes without waiting (pipe(7)); records are
// shorter.
Result<void> write_at_once(int fd, const std::string &line) {
    pollfd room{fd, POLLOUT, 0};
    if (::poll(&room, 1, 0) != 1)
        return base::fail(Errc::try_again, "write the records: nobody reads them");
    return base::write_all(fd, line, "the records");
}

} // namespace

void EventOutput::write(const wire::Json &record) {
    if (const auto done = write_at_once(m_fd, wire::compact_json(record) + '\n'); !done) {
        if (m_left_out++ == 0)
            base::log::warning("{}; going on without", done.error().message);
        return;
    }
    if (const auto missed = std::exchange(m_left_out, 0); missed > 0)
        base::log::warning("records are written again; {} were left out", missed);
}

} // namespace relay
