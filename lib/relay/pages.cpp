#include "relay/pages.hpp"

#include "seal/encoding.hpp"
#include "wire/json.hpp"

#include <fmt/format.h>

namespace relay {

namespace {

constexpr std::string_view k_frame = R"(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{0}watch.css">
{1}<title>{2}</title>
{3}</html>
)";

constexpr std::string_view k_scripts = R"(<script src="{0}hls.js" defer></script>
<script src="{0}watch.js" type="module"></script>
)";

constexpr std::string_view k_theatre = R"(<div id="theatre" hidden>
<video id="video" controls autoplay muted playsinline aria-label="The event"></video>
<div class="bar"><button id="live" type="button" hidden>Go to live</button>
<button id="sound" type="button">Sound on</button><span id="latency"></span></div>
</div>
)";

constexpr std::string_view k_players = R"(<div id="players">
<p class="small">In a player such as VLC, mpv or ffplay, open one of these:
<a href="live.ts">live.ts</a> (MPEG-TS over HTTP, least delay),
<a href="index.m3u8">index.m3u8</a> (HLS), <a href="ll.m3u8">ll.m3u8</a> (HLS, low latency).
<p class="small">Keys: <kbd>K</kbd> play or pause, <kbd>M</kbd> sound, <kbd>L</kbd> live,
<kbd>F</kbd> full screen, <kbd>←</kbd> <kbd>→</kbd> five seconds.
</div>
)";

// Control's word, for those who have no script: those who have get a countdown.
std::string_view stage_text(Stage stage) {
    switch (stage) {
    case Stage::before:
        return "Not yet. This page looks again by itself.";
    case Stage::waiting:
        return "Waiting for the picture. This page looks again by itself.";
    case Stage::live:
        return "Live now.";
    case Stage::over:
        return "This event is over.";
    }
    return "";
}

std::string_view stage_name(Stage stage) {
    switch (stage) {
    case Stage::before:
        return "before";
    case Stage::waiting:
        return "waiting";
    case Stage::live:
        return "live";
    case Stage::over:
        return "over";
    }
    return "";
}

std::string time_element(base::UtcTime t) {
    const std::string text = base::format_rfc3339(t);
    return fmt::format("<time datetime=\"{}\">{}</time>", text, text);
}

} // namespace

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string watch_state(const wire::FeedEntry &event, const WatchState &state) {
    return wire::compact_json(
        wire::JsonObject{{"stage", stage_name(state.stage)},
                         {"now", base::format_rfc3339(state.now)},
                         {"opens", base::format_rfc3339(event.window.opens())},
                         {"start", base::format_rfc3339(event.window.start)},
                         {"end", base::format_rfc3339(event.window.end)},
                         {"media", state.media},
                         {"on_demand", state.on_demand},
                         {"full", state.full}});
}

std::string watch_page(const wire::FeedEntry &event, const WatchState &state,
                       std::string_view files) {
    const std::string title = escape_html(event.title.empty() ? "Untitled event" : event.title);
    const bool again = state.stage == Stage::before || state.stage == Stage::waiting;
    std::string head = fmt::format(k_scripts, files);
    if (again)
        head += "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n";
    std::string body = fmt::format(
        "<main id=\"watch\" data-files=\"{}\" data-state=\"{}\">\n<h1>{}</h1>\n"
        "<p class=\"when\">{} to {}\n<p id=\"state\" role=\"status\">{}</p>\n{}",
        files, escape_html(watch_state(event, state)), title, time_element(event.window.start),
        time_element(event.window.end), stage_text(state.stage), k_theatre);
    if (state.stage == Stage::live || state.on_demand)
        body += "<noscript><video controls autoplay muted playsinline "
                "poster=\"poster.jpg\" src=\"index.m3u8\"></video>"
                "</noscript>\n";
    body += k_players;
    body += fmt::format("<p class=\"small\"><a href=\"{}hls.licence.txt\">Licence of the "
                        "player</a></p>\n</main>\n",
                        files);
    return fmt::format(k_frame, files, head, title, body);
}

std::string password_page(bool wrong, std::string_view files) {
    return fmt::format(k_frame, files, "", "Password",
                       fmt::format("<main><h1>This event needs a password</h1>\n{}"
                                   "<form method=\"post\"><p><label>Password "
                                   "<input type=\"password\" name=\"password\" required autofocus "
                                   "autocomplete=\"off\" maxlength=\"1024\"></label>\n"
                                   "<button>Watch</button></form></main>\n",
                                   wrong ? "<p role=\"alert\">That was not it.\n" : ""));
}

std::string form_value(std::string_view body, std::string_view name) {
    while (!body.empty()) {
        const std::string_view field = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(body.size(), field.size() + 1));
        if (!field.starts_with(name) || field.substr(name.size(), 1) != "=")
            continue;
        std::string out;
        const std::string_view value = field.substr(name.size() + 1);
        for (std::size_t i = 0; i < value.size(); ++i) {
            if (value[i] != '%') {
                out += value[i] == '+' ? ' ' : value[i];
                continue;
            }
            const auto byte = seal::from_hex(value.substr(i + 1, 2));
            if (!byte || byte->size() != 1)
                return {};
            out += static_cast<char>(byte->front());
            i += 2;
        }
        return out;
    }
    return {};
}

} // namespace relay
