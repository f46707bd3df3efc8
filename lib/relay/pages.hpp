// The pages that people see: this relay's own files and nothing from elsewhere.
#pragma once

#include "wire/feed.hpp"

#include <string>
#include <string_view>

namespace relay {

/// For the header of every page: nothing but files, media and forms of this relay, nothing inline.
/// hls.js gives the video its media as blob:.
constexpr std::string_view k_page_policy =
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

enum class Stage { before, waiting, live, over };

/// How it is with an event, as its page shows it.
struct WatchState {
    Stage stage = Stage::before;
    base::UtcTime now{};    ///< control's clock
    bool media = false;     ///< media comes now
    bool on_demand = false; ///< it is over, and what was kept can be watched
    bool full = false;      ///< no more requests may wait for media
};
/// What the page asks for now and then: JSON.
[[nodiscard]] std::string watch_state(const wire::FeedEntry &event, const WatchState &state);
/// The watch page of an event, with that in it. @p files: see player_folder().
[[nodiscard]] std::string watch_page(const wire::FeedEntry &event, const WatchState &state,
                                     std::string_view files);
/// Asks for the password; says nothing of the event.
[[nodiscard]] std::string password_page(bool wrong, std::string_view files);
/// @p text with & < > " ' escaped.
[[nodiscard]] std::string escape_html(std::string_view text);
/// The value of @p name in an application/x-www-form-urlencoded @p body; empty when malformed.
[[nodiscard]] std::string form_value(std::string_view body, std::string_view name);

} // namespace relay
