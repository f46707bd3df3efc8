#include "relay/router.hpp"

#include "relay/pages.hpp"
#include "relay/playlist.hpp"
#include "relay/viewer_token.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace relay {

namespace {

using namespace std::chrono_literals;

constexpr auto k_early = 10min; // viewers may wait connected from then on
constexpr std::int64_t k_longest_wait_s = 3600;

constexpr std::string_view k_open = "Access-Control-Allow-Origin: *\r\n";
constexpr std::string_view k_no_store = "Cache-Control: no-store\r\n";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

Reply html_reply(int status, std::string text) {
    Reply out{.status = status};
    out.headers = fmt::format("Content-Type: text/html; charset=utf-8\r\n"
                              "Content-Security-Policy: {}\r\n{}",
                              k_page_policy, k_no_store);
    out.text = std::move(text);
    return out;
}

std::string retry_after(base::Millis wait) {
    const auto s = std::clamp<std::int64_t>((wait.count() + 999) / 1000, 1, k_longest_wait_s);
    return fmt::format("Retry-After: {}\r\n", s);
}

Stage stage_of(const Event &event, const wire::FeedEntry &entry, base::UtcTime now) {
    if (event.snapshot()->ended || now >= entry.window.closes())
        return Stage::over;
    if (event.snapshot()->newest_cut >= 0)
        return Stage::live;
    return now < entry.window.opens() ? Stage::before : Stage::waiting;
}

} // namespace

std::int64_t Reply::length() const {
    if (body)
        return static_cast<std::int64_t>(body->size());
    if (media.empty())
        return static_cast<std::int64_t>(text.size());
    std::int64_t bytes = 0;
    for (const Slice &s : media)
        bytes += s.end - s.begin;
    return bytes;
}

Reply plain_reply(int status, std::string_view text, std::string headers) {
    Reply out{.status = status};
    out.headers = "Content-Type: text/plain; charset=utf-8\r\n" + std::move(headers);
    out.headers += k_no_store;
    if (status != 204)
        out.text = std::string(text) + "\n";
    return out;
}

std::string_view reason_phrase(int status) {
    static constexpr auto k_phrases =
        std::to_array<std::pair<int, std::string_view>>({{200, "OK"},
                                                         {204, "No Content"},
                                                         {206, "Partial Content"},
                                                         {301, "Moved Permanently"},
                                                         {302, "Found"},
                                                         {303, "See Other"},
                                                         {400, "Bad Request"},
                                                         {403, "Forbidden"},
                                                         {404, "Not Found"},
                                                         {405, "Method Not Allowed"},
                                                         {410, "Gone"},
                                                         {416, "Range Not Satisfiable"},
                                                         {431, "Request Header Fields Too Large"},
                                                         {503, "Service Unavailable"}});
    for (const auto &[code, phrase] : k_phrases)
        if (code == status)
            return phrase;
    return "Error";
}

std::optional<std::vector<std::string_view>> split_path(std::string_view path) {
    if (!path.starts_with('/') || path.size() > 512)
        return std::nullopt;
    std::vector<std::string_view> parts;
    for (path.remove_prefix(1);;) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        const bool last = slash == std::string_view::npos;
        if (part == "." || part == ".." || (part.empty() && !last) ||
            !std::ranges::all_of(part, is_plain))
            return std::nullopt;
        parts.push_back(part);
        if (last)
            return parts;
        path.remove_prefix(slash + 1);
    }
}

std::optional<std::pair<std::int64_t, std::int64_t>> parse_range(std::string_view range,
                                                                 std::int64_t size) {
    const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
        std::int64_t value = -1;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (ec != std::errc{} || end != text.data() + text.size() || value < 0)
            return std::nullopt;
        return value;
    };
    if (!range.starts_with("bytes="))
        return std::nullopt;
    range.remove_prefix(6);
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos)
        return std::nullopt;
    const auto last = number(range.substr(dash + 1));
    if (dash == 0) {
        if (!last)
            return std::nullopt;
        return std::pair{size - std::min(*last, size), size};
    }
    const auto first = number(range.substr(0, dash));
    if (!first || (!last && dash + 1 != range.size()) || (last && *last < *first))
        return std::nullopt;
    if (*first >= size)
        return std::pair{size, size};
    return std::pair{*first, last ? std::min(*last, size - 1) + 1 : size};
}

Reply Router::answer(const HttpRequest &request, Origin origin) const {
    const auto path = split_path(request.path);
    if (!path)
        return plain_reply(404, "not found");
    const bool get = request.method == "GET" || request.method == "HEAD";
    const std::string_view top = path->front();
    if (request.method == "OPTIONS")
        return plain_reply(204, "",
                           "Access-Control-Allow-Origin: *\r\n"
                           "Access-Control-Allow-Methods: GET, HEAD\r\n"
                           "Access-Control-Allow-Headers: Range\r\n");
    if (!get && request.method != "POST")
        return plain_reply(405, "GET, HEAD or POST", "Allow: GET, HEAD, POST\r\n");
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
    if (top == "w" && path->size() >= 2)
        return watch(request, *path);
    return plain_reply(404, "not found");
}

Reply Router::watch(const HttpRequest &request, const std::vector<std::string_view> &path) const {
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
            return plain_reply(405, "GET or HEAD", "Allow: GET, HEAD\r\n");
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
        return path[2].empty() ? page(request, event, true) : media(request, event, path[2]);
    }
    if (path.size() == 3 && path[2].empty())
        return page(request, event, false);
    if (!check_viewer_token(*m_world.viewer_key, *entry, path[2], now) || path.size() > 4)
        return plain_reply(403, "give the password first",
                           fmt::format("Link: </w/{}/>; rel=\"start\"\r\n", entry->vid));
    if (path.size() == 3)
        return plain_reply(301, "", fmt::format("Location: /w/{}/{}/\r\n", entry->vid, path[2]));
    return path[3].empty() ? page(request, event, true) : media(request, event, path[3]);
}

Reply Router::page(const HttpRequest &, const EventPtr &event, bool open) const {
    const EntryPtr entry = event->entry();
    if (!open)
        return html_reply(200, password_page(false));
    return html_reply(200, watch_page(*entry, stage_of(*event, *entry, m_world.clock->now())));
}

Reply Router::password_reply(const EventPtr &event, bool right) const {
    if (!right)
        return html_reply(403, password_page(true));
    const EntryPtr entry = event->entry();
    return plain_reply(303, "",
                       fmt::format("Location: /w/{}/{}/\r\n", entry->vid,
                                   make_viewer_token(*m_world.viewer_key, *entry)));
}

Reply Router::live(const EventPtr &event) const {
    const EntryPtr entry = event->entry();
    const auto now = m_world.clock->now();
    if (event->snapshot()->ended || now >= entry->window.closes())
        return plain_reply(410, "this event is over");
    if (now < entry->window.opens() - k_early)
        return plain_reply(503, "too early", retry_after(entry->window.opens() - k_early - now));
    Reply out{.kind = Reply::Kind::live};
    out.event = event;
    out.headers = fmt::format("Content-Type: video/mp2t\r\n{}{}", k_open, k_no_store);
    return out;
}

Reply Router::playlist(const EventPtr &event) const {
    const SnapshotPtr snapshot = event->snapshot();
    if (snapshot->playlist) {
        Reply out;
        out.headers = fmt::format("Content-Type: application/vnd.apple.mpegurl\r\n{}"
                                  "Cache-Control: max-age={}\r\n",
                                  k_open, snapshot->ended ? 60 : 1);
        out.body = snapshot->playlist;
        return out;
    }
    const EntryPtr entry = event->entry();
    const auto now = m_world.clock->now();
    if (snapshot->ended || now >= entry->window.closes())
        return plain_reply(410, "this event is over");
    if (now < entry->window.opens())
        return plain_reply(503, "no media yet", retry_after(entry->window.opens() - now));
    Reply out{.kind = Reply::Kind::playlist};
    out.event = event;
    return out;
}

Reply Router::media(const HttpRequest &request, const EventPtr &event,
                    std::string_view name) const {
    if (name == "live.ts")
        return live(event);
    if (name == "index.m3u8")
        return playlist(event);
    const auto sequence = parse_segment_name(name, event->tag());
    const SnapshotPtr snapshot = event->snapshot();
    const auto found =
        std::ranges::find(*snapshot->segments, sequence.value_or(-1), &Segment::sequence);
    if (sequence && snapshot->ended && found == snapshot->segments->end())
        return plain_reply(410, "this event is over");
    if (!sequence || found == snapshot->segments->end())
        return plain_reply(404, "not found");
    const std::int64_t size = found->end - found->begin;
    const auto range = parse_range(request.range, size);
    if (range && range->first == size)
        return plain_reply(416, "not in this segment",
                           fmt::format("Content-Range: bytes */{}\r\n", size));
    const bool locked = event->entry()->disclosure == resv::Disclosure::password;
    Reply out{.status = range ? 206 : 200};
    out.headers = fmt::format("Content-Type: video/mp2t\r\n{}Accept-Ranges: bytes\r\n"
                              "Cache-Control: {}, max-age=31536000, immutable\r\nETag: \"{}\"\r\n",
                              k_open, locked ? "private" : "public", name);
    const auto [from, to] = range.value_or(std::pair{std::int64_t{0}, size});
    if (range)
        out.headers += fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, to - 1, size);
    for (const Slice &s : snapshot->slices) {
        const std::int64_t begin = std::max(s.begin, found->begin + from);
        const std::int64_t end = std::min(s.end, found->begin + to);
        if (begin < end)
            out.media.push_back({.extent = s.extent,
                                 .offset = s.offset + begin - s.begin,
                                 .begin = begin,
                                 .end = end});
    }
    if (out.length() != to - from) // dropped meanwhile
        return plain_reply(404, "not found");
    ++event->segments_out;
    out.event = event;
    return out;
}

} // namespace relay
