#include "control/pages.hpp"

#include "base/embed.hpp"
#include "seal/hash.hpp"

#include <algorithm>
#include <array>

// NOLINTBEGIN(*-no-assembler, *-avoid-c-arrays)
SLOTCAST_FILE(slotcast_index_html, "index.html");
SLOTCAST_FILE(slotcast_calendar_css, "calendar.css");
SLOTCAST_FILE(slotcast_icon_svg, "icon.svg");
SLOTCAST_FILE(slotcast_main_js, "main.js");
SLOTCAST_FILE(slotcast_live_js, "live.js");
SLOTCAST_FILE(slotcast_model_js, "model.js");
SLOTCAST_FILE(slotcast_timeline_js, "timeline.js");
SLOTCAST_FILE(slotcast_keys_js, "keys.js");
SLOTCAST_FILE(slotcast_details_js, "details.js");
SLOTCAST_FILE(slotcast_time_js, "time.js");
// NOLINTEND(*-no-assembler, *-avoid-c-arrays)

namespace control {

namespace {

struct File {
    std::string_view path;
    std::string_view type;
    std::string_view content;
    std::string etag;
};

File file(std::string_view path, std::string_view type, const char *begin, const char *end) {
    const std::string_view content{begin, end};
    return {path, type, content, fmt::format("\"{}\"", seal::check_value(content))};
}

constexpr std::string_view k_html = "text/html; charset=utf-8";
constexpr std::string_view k_script = "text/javascript; charset=utf-8";

const std::array<File, 10> &files() {
    static const std::array<File, 10> all{
        file("/calendar", k_html, slotcast_index_html, slotcast_index_html_end),
        file("/calendar/calendar.css", "text/css; charset=utf-8", slotcast_calendar_css,
             slotcast_calendar_css_end),
        file("/calendar/icon.svg", "image/svg+xml", slotcast_icon_svg, slotcast_icon_svg_end),
        file("/calendar/main.js", k_script, slotcast_main_js, slotcast_main_js_end),
        file("/calendar/live.js", k_script, slotcast_live_js, slotcast_live_js_end),
        file("/calendar/model.js", k_script, slotcast_model_js, slotcast_model_js_end),
        file("/calendar/timeline.js", k_script, slotcast_timeline_js, slotcast_timeline_js_end),
        file("/calendar/keys.js", k_script, slotcast_keys_js, slotcast_keys_js_end),
        file("/calendar/details.js", k_script, slotcast_details_js, slotcast_details_js_end),
        file("/calendar/time.js", k_script, slotcast_time_js, slotcast_time_js_end)};
    return all;
}

// Only this host's own files and answers; nothing inline; in nobody's frame. What a browser keeps
// it asks about each time, so that all files are of one version.
net::Headers headers_of(const File &f) {
    return {{"ETag", f.etag},
            {"Cache-Control", "no-cache"},
            {"Content-Security-Policy",
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
             "require-trusted-types-for 'script'; trusted-types 'none'"},
            {"X-Content-Type-Options", "nosniff"},
            {"X-Frame-Options", "DENY"},
            {"Referrer-Policy", "no-referrer"},
            {"Cross-Origin-Opener-Policy", "same-origin"},
            {"Cross-Origin-Resource-Policy", "same-origin"},
            {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}};
}

} // namespace

Outcome<Answer> page(const net::Request &request) {
    if (request.path == "/")
        return Answer{.status = 308, .body = {}, .headers = {{"Location", "/calendar"}}};
    const auto found = std::ranges::find(files(), std::string_view(request.path), &File::path);
    if (found == files().end())
        return refuse(404, "not_found", "there is nothing here");
    if (request.header("If-None-Match").value_or("").find(found->etag) != std::string::npos)
        return Answer{.status = 304, .body = {}, .headers = headers_of(*found)};
    Answer whole{.status = 200, .body = std::string(found->content), .headers = headers_of(*found)};
    whole.headers.emplace_back("Content-Type", found->type);
    return whole;
}

} // namespace control
