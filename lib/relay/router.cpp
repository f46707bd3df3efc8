#include "relay/router.hpp"

#include "relay/http_rules.hpp"
#include "relay/pages.hpp"
#include "relay/player.hpp"
#include "relay/stream_answers.hpp"
#include "relay/viewer_token.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace relay {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view k_methods = "GET, HEAD, OPTIONS";

// Made anew once a second, for each worker.
const std::string &date_line(base::UtcTime now) {
    thread_local std::pair<std::chrono::sys_seconds, std::string> last;
    if (const auto second = std::chrono::floor<std::chrono::seconds>(now); last.first != second)
        last = {second, fmt::format("Date: {}\r\n", http_date(now))};
    return last.second;
}

Reply html_reply(int status, std::string text) {
    Reply out{.status = status};
    out.headers = fmt::format("Content-Type: text/html; charset=utf-8\r\n"
                              "Content-Security-Policy: {}\r\n"
                              "Referrer-Policy: no-referrer\r\n{}",
                              k_page_policy, k_no_store);
    out.text = std::move(text);
    return out;
}

WatchState state_of(const Event &event, const wire::FeedEntry &entry, base::UtcTime now) {
    const SnapshotPtr snapshot = event.snapshot();
    WatchState out{.now = now, .media = event.live, .full = event.is_crowded() || event.is_full()};
    if (event.is_over(now))
        out.stage = Stage::over;
    else if (snapshot->newest_cut >= 0)
        out.stage = Stage::live;
    else
        out.stage = now < entry.window.opens() ? Stage::before : Stage::waiting;
    out.on_demand = snapshot->ended && snapshot->playlist != nullptr;
    return out;
}

} // namespace

Reply Router::answer(const HttpRequest &request, Origin origin) const {
    Reply out = route(request, origin);
    out.headers += date_line(m_world.clock->now());
    return out;
}

Reply Router::route(const HttpRequest &request, Origin origin) const {
    const auto path = split_path(request.path);
    if (!path)
        return plain_reply(404, "not found");
    const bool get = request.method == "GET" || request.method == "HEAD";
    const std::string_view top = path->front();
    if (request.method == "OPTIONS")
        return plain_reply(204, "",
                           fmt::format("{}Allow: {}\r\nAccess-Control-Allow-Methods: {}\r\n"
                                       "Access-Control-Allow-Headers: *\r\n"
                                       "Access-Control-Max-Age: 86400\r\n",
                                       k_any_origin, k_methods, k_methods));
    if (!get && request.method != "POST")
        return plain_reply(405, "GET, HEAD or POST", fmt::format("Allow: {}, POST\r\n", k_methods));
    if (path->size() == 1 && get && top == "healthz")
        return plain_reply(200, "ok");
    if (path->size() == 1 && get && top == "metrics" && (origin.loopback || origin.admin)) {
        Reply out{.headers = "Content-Type: text/plain; version=0.0.4\r\n"};
        out.text = m_world.metrics();
        return out;
    }
    if (origin.admin)
        return plain_reply(404, "not found");
    if (top == "c" && get && path->size() >= 2 && path->size() <= 3 &&
        path->back().empty() == (path->size() == 3)) {
        const EventPtr event = m_world.board->on_channel((*path)[1], m_world.clock->now());
        if (!event)
            return plain_reply(404, "nothing public is on this channel now");
        return plain_reply(302, "", fmt::format("Location: /w/{}/\r\n", event->entry()->vid));
    }
    if (top == "player" && get && path->size() == 3)
        return player_file(request, (*path)[1], (*path)[2]);
    if (top == "w" && path->size() >= 2)
        return watch(request, *path, viewer_of(request, origin));
    return plain_reply(404, "not found");
}

Viewer Router::viewer_of(const HttpRequest &request, const Origin &origin) const {
    const bool trusted = std::ranges::any_of(
        m_world.proxies, [&](const auto &n) { return n.contains(origin.address); });
    // A proxy stands for many, whichever of them it asks for at the moment.
    const bool proxy = trusted || request.by_proxy;
    return {.number = viewer_number(origin.address, proxy ? "" : request.user_agent),
            .exempt = trusted};
}

Reply Router::watch(const HttpRequest &request, const std::vector<std::string_view> &path,
                    Viewer viewer) const {
    const EventPtr event = m_world.board->find(std::string(path[1]));
    const auto now = m_world.clock->now();
    if (!event || event->withdrawn)
        return plain_reply(404, "not found");
    const EntryPtr entry = event->entry();
    if (now >= entry->window.closes() + base::Seconds{entry->retention_s})
        return plain_reply(404, "not found");
    if (path.size() == 2)
        return plain_reply(301, "", fmt::format("Location: /w/{}/\r\n", entry->vid));
    const bool locked = entry->disclosure == resv::Disclosure::password;
    if (request.method == "POST") {
        if (!locked || path.size() != 3 || !path[2].empty())
            return plain_reply(405, "GET or HEAD", fmt::format("Allow: {}\r\n", k_methods));
        Reply out{.kind = Reply::Kind::password};
        out.event = event;
        std::string given = form_value(request.body, "password");
        out.password = seal::Secret{seal::bytes_of(given)};
        seal::wipe(given);
        return out;
    }
    if (!locked) {
        if (path.size() != 3)
            return plain_reply(404, "not found");
        return below(request, event, path[2], viewer);
    }
    if (path.size() == 3 && path[2].empty())
        return page(event, false);
    if (!check_viewer_token(*m_world.viewer_key, *entry, path[2], now) || path.size() > 4)
        return plain_reply(
            403, "give the password first",
            fmt::format("{}Link: </w/{}/>; rel=\"start\"\r\n", k_any_origin, entry->vid));
    if (path.size() == 3)
        return plain_reply(301, "", fmt::format("Location: /w/{}/{}/\r\n", entry->vid, path[2]));
    return below(request, event, path[3], viewer);
}

Reply Router::page(const EventPtr &event, bool open) const {
    const EntryPtr entry = event->entry();
    if (!open)
        return html_reply(200, password_page(false, player_folder()));
    const WatchState state = state_of(*event, *entry, m_world.clock->now());
    return html_reply(200, watch_page(*entry, state, player_folder()));
}

Reply Router::below(const HttpRequest &request, const EventPtr &event, std::string_view name,
                    Viewer viewer) const {
    const auto now = m_world.clock->now();
    if (name.empty())
        return page(event, true);
    if (name != "state.json")
        return stream_answer(request, event, name, now, viewer, *m_world.egress);
    const EntryPtr entry = event->entry();
    Reply out{.headers = fmt::format("Content-Type: application/json\r\n{}", k_no_store)};
    out.text = watch_state(*entry, state_of(*event, *entry, now));
    return out;
}

Reply Router::password_reply(const EventPtr &event, bool right) const {
    if (!right)
        return html_reply(403, password_page(true, player_folder()));
    const EntryPtr entry = event->entry();
    return plain_reply(303, "",
                       fmt::format("Location: /w/{}/{}/\r\n", entry->vid,
                                   make_viewer_token(*m_world.viewer_key, *entry)));
}

} // namespace relay
