#include "relay/ingest_server.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <poll.h>
#include <thread>

namespace relay {

using base::Errc;
using base::fail;
using base::Result;
using namespace std::chrono_literals;

namespace {
constexpr int k_messages_at_once = 256; // of the parent, then publishers get their turn
constexpr std::size_t k_max_entries = 100'000;
constexpr auto k_forget_after = 1h; // after a reservation's end
constexpr base::Millis k_unhurried{20};
constexpr int k_naps = 8; // while media waits for more
constexpr base::Millis k_longest_nap{5};

conf::Address address_of(const wire::Endpoint &e) {
    return {.host = e.host, .port = e.port};
}
} // namespace

base::Millis nap_for(base::Millis part_age) {
    return part_age < k_unhurried ? 0ms : std::min(part_age / k_naps, k_longest_nap);
}

void RefusalLog::note(std::string_view reason, std::string peer) {
    const std::scoped_lock lock{m_mutex};
    auto found = m_by_reason.find(reason);
    if (found == m_by_reason.end())
        found = m_by_reason.emplace(reason, wire::IngestRefused{}).first;
    else
        ++found->second.count;
    found->second.reason = reason;
    found->second.peer = std::move(peer);
}

std::vector<wire::IngestRefused> RefusalLog::take(base::SteadyTime now) {
    std::vector<wire::IngestRefused> out;
    const std::scoped_lock lock{m_mutex};
    while (!m_by_reason.empty() && m_allowance.take(now))
        out.push_back(std::move(m_by_reason.extract(m_by_reason.begin()).mapped()));
    return out;
}

Result<std::unique_ptr<IngestServer>> IngestServer::open(const wire::IngestSetup &setup,
                                                         base::MessageSocket &parent,
                                                         const base::Clock &clock) {
    auto keys = TRY(admission_keys(setup));
    auto poll = TRY(media::SrtPoll::make());
    std::unique_ptr<IngestServer> out{
        new IngestServer{parent, clock, std::move(keys), std::move(poll)}};
    if (setup.echo) {
        auto key = seal::from_base64url(setup.echo->key);
        if (!key || key->size() != 32)
            return fail(Errc::bad_data, "setup.echo.key: not a key");
        out->m_echo.emplace(
            TRY(IngestEcho::start(address_of(setup.echo->at), seal::Secret{std::move(*key)})));
    }
    out->m_listener = std::make_unique<media::SrtListener>(TRY(media::SrtListener::open(
        address_of(setup.listen), base::Millis{setup.latency_ms},
        [self = out.get()](const media::SrtOffer &offer) { return self->on_offer(offer); })));
    TRY(out->m_poll.watch(out->m_listener->handle()));
    TRY(out->m_poll.watch_fd(parent.fd()));
    return out;
}

media::SrtAnswer IngestServer::on_offer(const media::SrtOffer &offer) {
    const TablePointer table = m_table.load();
    const Verdict verdict = decide(offer.stream_id, *table, m_keys, m_control);
    if (!verdict) {
        m_refusals.note(wire::name(verdict.error().why), offer.peer.text());
        return {.refuse = verdict.error().code(), .passphrase = {}};
    }
    return {.refuse = 0,
            .passphrase = seal::srt_passphrase(m_keys.group.view(), verdict->ticket.ticket_id)};
}

Result<void> IngestServer::run(int stop_fd) {
    TRY(m_poll.watch_fd(stop_fd));
    for (;;) {
        const media::SrtPoll::Ready &ready = m_poll.wait(patience());
        bool media = false;
        m_more_due = false;
        for (const int handle : ready.sockets) {
            if (handle == m_listener->handle()) {
                accept_all();
            } else if (IngestSession *session = by_handle(handle)) {
                read(*session);
                media = true;
            }
        }
        for (const int fd : ready.fds) {
            if (fd == stop_fd)
                return {};
            if (auto heard = hear(); !heard) {
                if (heard.error().code == Errc::unavailable)
                    return {}; // nobody is left to receive for
                return heard;
            }
        }
        housekeep();
        if (auto sent = send_outbox(); !sent && sent.error().code != Errc::unavailable)
            return sent;
        if (media && !m_more_due)
            std::this_thread::sleep_for(nap_for(m_part_age));
    }
}

void IngestServer::publish_table() {
    const base::UtcTime now = m_control.now();
    std::erase_if(m_draft->entries, [&](const auto &item) {
        return item.second.live.empty() && item.second.terms.window.closes() + k_forget_after < now;
    });
    m_table.store(std::exchange(m_draft, nullptr));
}

Result<void> IngestServer::hear() {
    m_hearing = true;
    auto heard = hear_some();
    m_hearing = false;
    if (m_draft)
        publish_table();
    return heard;
}

Result<void> IngestServer::hear_some() {
    for (int i = 0; i < k_messages_at_once; ++i) {
        auto message = TRY(m_parent.receive());
        if (!message)
            return {};
        TRY(take(TRY(wire::read_ingest(message->text)), message->fds));
    }
    return {};
}

Result<void> IngestServer::take(const wire::IngestMessage &message, std::vector<base::Fd> &fds) {
    if (const auto *clock = std::get_if<wire::IngestClock>(&message)) {
        m_control.set_offset(base::Millis{clock->offset_ms});
        return {};
    }
    if (const auto *pace = std::get_if<wire::IngestPace>(&message)) {
        m_part_age = base::Millis{pace->part_ms};
        return {};
    }
    if (const auto *terms = std::get_if<wire::IngestAdmit>(&message)) {
        admit(*terms);
        return {};
    }
    if (const auto *gone = std::get_if<wire::IngestWithdraw>(&message)) {
        change_table([&](AdmissionTable &t) {
            if (const auto found = t.entries.find(gone->reservation); found != t.entries.end())
                found->second.withdrawn = true;
        });
        return {}; // run() enforces it at once
    }
    if (const auto *extent = std::get_if<wire::IngestExtent>(&message))
        return take_extent(*extent, fds);
    if (const auto *close = std::get_if<wire::IngestClose>(&message)) {
        end(close->stream, close->reason);
        return {};
    }
    return fail(Errc::protocol, "the parent sent a message that is not the parent's");
}

void IngestServer::admit(const wire::IngestAdmit &terms) {
    change_table([&](AdmissionTable &t) {
        if (t.entries.size() >= k_max_entries && !t.entries.contains(terms.reservation)) {
            base::log::error("more than {} reservations: one is not admitted", k_max_entries);
            return;
        }
        AdmissionEntry &entry = t.entries[terms.reservation];
        if (terms.max_rate > entry.terms.max_rate)
            entry.over_rate.reset();
        entry.terms = terms;
        entry.withdrawn = false;
    });
}

Result<void> IngestServer::take_extent(const wire::IngestExtent &extent,
                                       std::vector<base::Fd> &fds) {
    if (fds.size() != 1)
        return fail(Errc::protocol, "extent: {} descriptors instead of one", fds.size());
    IngestSession *session = by_stream(extent.stream);
    if (session == nullptr)
        return {}; // it closed meanwhile
    auto done = session->writer().give(extent, std::move(fds.front()));
    if (done && !session->watched) {
        done = m_poll.watch(session->handle());
        session->watched = done.has_value();
    }
    if (done || done.error().code == Errc::protocol)
        return done;
    // A lack of memory, or a connection that broke before its first extent came and that libsrt has
    // cleared away: this publisher's affair.
    base::log::warning("stream {}: {}", extent.stream, done.error().message);
    end(extent.stream, "lost");
    return {};
}

Result<void> run_ingest(base::MessageSocket &parent, int stop_fd, const base::Clock &clock,
                        const std::function<Result<void>()> &confine) {
    wire::IngestSetup setup;
    for (;;) {
        std::array<pollfd, 2> waiting{{{parent.fd(), POLLIN, 0}, {stop_fd, POLLIN, 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return base::fail_errno("wait for", "the parent");
        if (waiting[1].revents != 0)
            return {};
        auto message = parent.receive();
        if (!message && message.error().code == Errc::unavailable)
            return {};
        if (!message)
            return std::unexpected(std::move(message).error());
        std::optional<base::MessageSocket::Message> got = std::move(*message);
        if (!got)
            continue;
        auto first = wire::read_ingest(got->text);
        seal::wipe(got->text);
        auto read = TRY(std::move(first));
        if (auto *found = std::get_if<wire::IngestSetup>(&read)) {
            setup = std::move(*found);
            break;
        }
        return fail(Errc::protocol, "the parent's first message is not a setup");
    }
    const media::SrtLibrary library;
    const auto server = TRY(IngestServer::open(setup, parent, clock));
    seal::wipe(setup.group_key);
    TRY(confine());
    return server->run(stop_fd);
}

} // namespace relay
