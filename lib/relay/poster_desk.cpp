#include "relay/poster_desk.hpp"

#include "base/file.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <sys/mman.h>
#include <sys/sendfile.h>

namespace relay {

using base::Errc;
using base::Result;

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t k_most_media = std::int64_t{8} << 20;
constexpr std::int64_t k_most_read = std::int64_t{2} << 20; // of a disk, which the hub waits for
constexpr std::int64_t k_every_us = 10'000'000;
constexpr std::int64_t k_lately_us = 10'000'000;
constexpr auto k_patience = 10s;
constexpr unsigned k_most_width = 1280;
constexpr unsigned k_most_height = 720;

Result<base::Fd> make_memory(const char *name) {
    base::Fd fd{::memfd_create(name, MFD_CLOEXEC)};
    if (!fd)
        return base::fail_errno("make", "memory for a picture");
    return fd;
}

// The child gets a copy, so that it can neither hold nor change what viewers get.
Result<base::Fd> copy_of(const std::vector<Slice> &media) {
    base::Fd out = TRY(make_memory("slotcast-poster-media"));
    for (const Slice &slice : media)
        for (std::int64_t at = slice.begin; at < slice.end;) {
            off_t offset = slice.offset + at - slice.begin;
            const ssize_t n = ::sendfile(out.get(), slice.extent->fd(), &offset,
                                         static_cast<std::size_t>(slice.end - at));
            if (n <= 0)
                return base::fail_errno("copy", "media for a picture");
            at += n;
        }
    if (::lseek(out.get(), 0, SEEK_SET) != 0)
        return base::fail_errno("rewind", "media for a picture");
    return out;
}

std::vector<Slice> at_most(const std::vector<Slice> &row, std::int64_t begin, std::int64_t end) {
    return slices_of(row, begin, std::min(end, begin + k_most_media));
}

} // namespace

std::vector<Slice> poster_media(const Event &event) {
    const SnapshotPtr snapshot = event.snapshot();
    // Parts end where a picture begins: the newest that begins with a key frame has all of it.
    for (auto it = snapshot->parts->rbegin(); it != snapshot->parts->rend(); ++it)
        if (it->independent)
            if (auto media = at_most(snapshot->slices, it->begin, snapshot->end()); !media.empty())
                return media;
    for (auto it = snapshot->segments->rbegin(); it != snapshot->segments->rend(); ++it)
        if (auto media = at_most(snapshot->slices, it->begin, it->end); !media.empty())
            return media;
    const auto last = event.recording() ? event.recording()->last() : std::nullopt;
    if (!last)
        return {};
    return event.recording()->media(*last, 0,
                                    std::min(last->segment.end - last->segment.begin, k_most_read));
}

bool is_poster(std::string_view bytes) {
    const auto byte = [&](std::size_t at) {
        return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    };
    const auto word = [&](std::size_t at) { return byte(at) << 8U | byte(at + 1); };
    if (!bytes.starts_with("\xff\xd8") || !bytes.ends_with("\xff\xd9"))
        return false;
    // ISO 10918-1, B.1.1.4: marker segments up to the scan.
    for (std::size_t at = 2; at + 4 < bytes.size() && byte(at) == 0xff;) {
        const unsigned marker = byte(at + 1);
        if (marker == 0xc0 || marker == 0xc2)
            return word(at + 5) > 0 && word(at + 5) <= k_most_height && word(at + 7) > 0 &&
                   word(at + 7) <= k_most_width;
        if (marker == 0xda || marker < 0xc0)
            return false;
        at += 2 + std::max(2U, word(at + 2));
    }
    return false;
}

Result<PosterDesk::Job> PosterDesk::begin(const EventPtr &event, const std::vector<Slice> &media,
                                          base::SteadyTime now) {
    const base::Fd in = TRY(copy_of(media));
    base::Fd out = TRY(make_memory("slotcast-poster"));
    Process process = TRY(Process::start({.program = m_program.get(),
                                          .arguments = {"relay-poster"},
                                          .in = in.get(),
                                          .out = out.get(),
                                          .confined = true},
                                         m_identity, m_mask));
    return Job{.event = event,
               .picture = std::move(out),
               .process = std::move(process),
               .until = now + k_patience};
}

bool PosterDesk::finish(base::SteadyTime now) {
    const auto code = m_job->process.ended();
    if (!code && now < m_job->until)
        return false;
    DocumentPtr picture;
    std::string why = !code        ? "it took too long"
                      : *code != 0 ? fmt::format("it ended with {}", *code)
                                   : "";
    if (code == 0 && ::lseek(m_job->picture.get(), 0, SEEK_SET) == 0) {
        auto bytes = base::read_all(m_job->picture.get(), "the picture", Launch::k_most_output);
        if (bytes && is_poster(*bytes))
            picture = std::make_shared<const Document>(std::move(*bytes));
        else
            why = "it made no picture";
    }
    if (!picture)
        base::log::debug("no picture of {}: {}", m_job->event->entry()->reservation.text(), why);
    m_job->event->set_poster(std::move(picture), monotonic_us());
    m_job.reset();
    return true;
}

bool PosterDesk::tick(const std::vector<EventPtr> &events, base::SteadyTime now) {
    const bool finished = m_job && finish(now);
    if (m_job)
        return finished;
    const std::int64_t now_us = monotonic_us();
    EventPtr next; // who has waited longest for its turn
    for (const EventPtr &event : events) {
        const std::int64_t tried = event->poster_tried_us;
        const std::int64_t asked = event->poster_asked_us;
        if (asked == 0 || asked < now_us - k_lately_us || tried > now_us - k_every_us)
            continue;
        if (!next || tried < next->poster_tried_us)
            next = event;
    }
    if (!next)
        return finished;
    const std::vector<Slice> media = poster_media(*next);
    if (media.empty()) {
        next->set_poster(nullptr, now_us);
        return true;
    }
    auto job = begin(next, media, now);
    if (!job && !m_broken)
        base::log::error("pictures of the events: {}", job.error().message);
    m_broken = !job;
    if (!job) {
        next->set_poster(nullptr, now_us);
        return true;
    }
    ++m_started;
    m_job.emplace(std::move(*job));
    return finished;
}

} // namespace relay
