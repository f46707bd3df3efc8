#include "relay/player.hpp"

#include "base/embed.hpp"
#include "seal/hash.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

// NOLINTBEGIN(*-no-assembler, *-avoid-c-arrays)
SLOTCAST_FILE(slotcast_watch_js, "watch.js");
SLOTCAST_FILE(slotcast_player_js, "player.js");
SLOTCAST_FILE(slotcast_watch_css, "watch.css");
SLOTCAST_FILE(slotcast_hls_js, "hls.js/dist/hls.light.min.js");
SLOTCAST_FILE(slotcast_hls_worker_js, "hls.js/dist/hls.worker.js");
SLOTCAST_FILE(slotcast_hls_licence, "hls.js/LICENSE");
// NOLINTEND(*-no-assembler, *-avoid-c-arrays)

namespace relay {

namespace {

constexpr std::string_view k_script = "text/javascript; charset=utf-8";
constexpr std::size_t k_version_digits = 16;

struct File {
    std::string_view name;
    std::string_view type;
    DocumentPtr content;
};

File file(std::string_view name, std::string_view type, const char *begin, const char *end) {
    return {name, type, std::make_shared<const Document>(std::string(begin, end))};
}

const std::array<File, 6> &files() {
    static const std::array<File, 6> all{
        file("watch.js", k_script, slotcast_watch_js, slotcast_watch_js_end),
        file("player.js", k_script, slotcast_player_js, slotcast_player_js_end),
        file("watch.css", "text/css; charset=utf-8", slotcast_watch_css, slotcast_watch_css_end),
        file("hls.js", k_script, slotcast_hls_js, slotcast_hls_js_end),
        file("hls.worker.js", k_script, slotcast_hls_worker_js, slotcast_hls_worker_js_end),
        file("hls.licence.txt", "text/plain; charset=utf-8", slotcast_hls_licence,
             slotcast_hls_licence_end)};
    return all;
}

std::string make_folder() {
    std::string tags;
    for (const File &f : files())
        tags += f.content->etag(false);
    return fmt::format("/player/{}/", seal::check_value(tags).substr(0, k_version_digits));
}

} // namespace

const std::string &player_folder() {
    static const std::string folder = make_folder();
    return folder;
}

Reply player_file(const HttpRequest &request, std::string_view version, std::string_view name) {
    const auto found = std::ranges::find(files(), name, &File::name);
    if (found == files().end() || fmt::format("/player/{}/", version) != player_folder())
        return plain_reply(404, "not found");
    return document_reply(found->content,
                          fmt::format("Content-Type: {}\r\n"
                                      "Cache-Control: public, max-age=31536000, immutable\r\n"
                                      "Cross-Origin-Resource-Policy: same-origin\r\n",
                                      found->type),
                          request.accept_encoding, request.if_none_match);
}

} // namespace relay
