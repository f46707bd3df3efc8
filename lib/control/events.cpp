#include "control/events.hpp"

#include "base/log.hpp"
#include "control/transact.hpp"
#include "seal/hash.hpp"
#include "wire/merge_patch.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t k_waiting_bytes = 262'144;
constexpr std::size_t k_changes_kept = 32;
constexpr base::Seconds k_look{1}; // what time alone changes, and what other processes hold
constexpr base::Seconds k_beat{15};
constexpr base::Millis k_rest{50};

// What listens costs at most a sixth of one core's time, however busy the ledger is.
constexpr int k_rests_per_pass = 5;

std::string id_of(const wire::JsonObject &document) {
    const auto hash = seal::hash256(seal::bytes_of(wire::compact_json(document)));
    return seal::to_hex(seal::ByteView{hash}.first(12));
}

// One event of the HTML standard's section 9.2; JSON has no line breaks.
std::string event(std::string_view name, std::string_view id, wire::JsonObject data, UtcTime now) {
    data["time"] = base::format_rfc3339(now);
    return fmt::format("event: {}\nid: {}\ndata: {}\n\n", name, id, wire::compact_json(data));
}

} // namespace

Events::Events(const Config &config, ledger::Ledger &ledger, const base::Clock &clock,
               Finder finder)
    : m_config(config), m_ledger(ledger), m_clock(clock), m_finder(std::move(finder)),
      m_thread([this] { loop(); }) {}

Events::~Events() {
    stop();
    m_thread.join();
}

void Events::stop() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_wake.notify_one();
}

void Events::changed() {
    {
        const std::scoped_lock lock{m_mutex};
        m_changed = true;
        if (m_listening == 0)
            return;
    }
    m_wake.notify_one();
}

Outcome<std::shared_ptr<net::Stream>> Events::listen(Look look, resv::Span span, std::string last) {
    const std::scoped_lock lock{m_mutex};
    if (m_stop || m_listening >= static_cast<std::size_t>(m_config.calendar.listeners))
        return refuse(503, "too_many_listeners", "too many listen already",
                      "ask for /v1/calendar from time to time instead");
    auto stream = std::make_shared<net::Stream>(k_waiting_bytes);
    Key key{look.viewer, span.from, span.to};
    m_arrived.emplace_back(
        std::move(key),
        Listener{.look = std::move(look), .last = std::move(last), .stream = stream});
    ++m_listening;
    m_changed = true;
    m_wake.notify_one();
    return stream;
}

// The whole, or what it lacks, when that is remembered.
void Events::greet(const View &view, Listener &listener, UtcTime now) {
    listener.fresh = false;
    if (listener.last == view.id) {
        listener.stream->push(": nothing changed\n\n");
        return;
    }
    const auto known = std::ranges::find(view.changes, listener.last, &Change::from);
    if (known == view.changes.end())
        listener.stream->push(event("calendar", view.id, view.document, now));
    for (auto c = known; c != view.changes.end(); ++c)
        listener.stream->push(c->text);
}

void Events::refresh(ledger::Transaction &t, const Key &key, View &view, UtcTime now) const {
    const auto &[viewer, from, to] = key;
    auto document = calendar(t, m_config, viewer, {from, to}, now);
    if (!document) {
        for (Listener &l : view.listeners) {
            l.stream->push(fmt::format("event: problem\ndata: {}\n\n",
                                       wire::compact_json(to_json(document.error().problem))));
            l.stream->close();
        }
        return;
    }
    if (view.id.empty() || *document != view.document) {
        const std::string id = id_of(*document);
        if (!view.id.empty()) {
            const std::string text =
                event("change", id, wire::merge_patch(view.document, *document), now);
            for (Listener &l : view.listeners)
                if (!l.fresh)
                    l.stream->push(text);
            view.changes.push_back({.from = view.id, .text = text});
            if (view.changes.size() > k_changes_kept)
                view.changes.pop_front();
        }
        view.document = *std::move(document);
        view.id = id;
    }
    for (Listener &l : view.listeners)
        if (l.fresh)
            greet(view, l, now);
}

// Whoever may not listen any more is gone before anything else is told.
void Events::pass(bool beat) {
    const UtcTime now = m_clock.now();
    const auto done = m_ledger.read([&](ledger::Transaction &t) -> base::Result<void> {
        for (auto &[key, view] : m_views) {
            for (Listener &l : view.listeners) {
                const auto who = l.look.key ? m_finder(t, *l.look.key) : l.look.viewer;
                if (now >= l.look.until || !who || *who != l.look.viewer)
                    l.stream->close();
            }
            std::erase_if(view.listeners, [](const Listener &l) { return !l.stream->open(); });
            if (!view.listeners.empty())
                refresh(t, key, view, now);
        }
        return {};
    });
    if (!done)
        base::log::error("tell of changes: {}", done.error().message);
    std::size_t listening = 0;
    for (auto &[key, view] : m_views) {
        for (Listener &l : view.listeners)
            if (beat)
                l.stream->push(":\n\n");
        listening += view.listeners.size();
    }
    std::erase_if(m_views, [](const auto &view) { return view.second.listeners.empty(); });
    const std::scoped_lock lock{m_mutex};
    m_listening = listening + m_arrived.size();
}

void Events::loop() {
    std::unique_lock lock{m_mutex};
    auto next_beat = Steady::now() + k_beat;
    while (!m_stop) {
        const auto woken = [this] { return m_stop || (m_listening > 0 && m_changed); };
        if (m_listening == 0)
            m_wake.wait(lock, woken);
        else
            m_wake.wait_for(lock, k_look, woken);
        if (m_stop)
            break;
        m_changed = false;
        for (auto &[key, listener] : std::exchange(m_arrived, {}))
            m_views[key].listeners.push_back(std::move(listener));
        lock.unlock();
        const auto begun = Steady::now();
        const bool beat = begun >= next_beat;
        if (beat)
            next_beat = begun + k_beat;
        pass(beat);
        const auto rest =
            std::max<Steady::duration>(k_rest, (Steady::now() - begun) * k_rests_per_pass);
        lock.lock();
        m_wake.wait_for(lock, rest, [this] { return m_stop; });
    }
    for (const auto &[key, listener] : m_arrived)
        listener.stream->close();
    for (const auto &[key, view] : m_views)
        for (const Listener &l : view.listeners)
            l.stream->close();
}

} // namespace control
