#include "relay/pages.hpp"

#include "seal/encoding.hpp"

#include <fmt/format.h>

namespace relay {

namespace {

constexpr std::string_view k_frame = R"(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
{}<title>{}</title>
{}</html>
)";

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

std::string watch_page(const wire::FeedEntry &event, Stage stage) {
    const std::string title = escape_html(event.title.empty() ? "Untitled event" : event.title);
    std::string body = fmt::format("<h1>{}</h1>\n<p>{} to {} UTC\n<p>{}\n", title,
                                   base::format_rfc3339(event.window.start),
                                   base::format_rfc3339(event.window.end), stage_text(stage));
    if (stage == Stage::live)
        body += "<p><video controls autoplay muted playsinline src=\"index.m3u8\"></video>\n";
    if (stage != Stage::over)
        body += "<p>In a player such as VLC, mpv or ffplay, open one of these:\n"
                "<ul>\n<li><a href=\"live.ts\">live.ts</a> (MPEG-TS over HTTP, least delay)\n"
                "<li><a href=\"index.m3u8\">index.m3u8</a> (HLS)\n</ul>\n";
    const bool again = stage == Stage::before || stage == Stage::waiting;
    return fmt::format(k_frame, again ? "<meta http-equiv=\"refresh\" content=\"10\">\n" : "",
                       title, body);
}

std::string password_page(bool wrong) {
    return fmt::format(k_frame, "", "Password",
                       fmt::format("<h1>This event needs a password</h1>\n{}"
                                   "<form method=\"post\"><p><label>Password "
                                   "<input type=\"password\" name=\"password\" required autofocus "
                                   "autocomplete=\"off\" maxlength=\"1024\"></label>\n"
                                   "<button>Watch</button></form>\n",
                                   wrong ? "<p>That was not it.\n" : ""));
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
