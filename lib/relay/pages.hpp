// The pages that people see. Plain HTML, no script, nothing from elsewhere.
#pragma once

#include "wire/feed.hpp"

#include <string>
#include <string_view>

namespace relay {

/// For the header of every page: nothing but media and forms of this relay.
constexpr std::string_view k_page_policy =
    "default-src 'none'; media-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

enum class Stage { before, waiting, live, over };

/// The watch page of an event.
[[nodiscard]] std::string watch_page(const wire::FeedEntry &event, Stage stage);
/// Asks for the password; says nothing of the event.
[[nodiscard]] std::string password_page(bool wrong);
/// @p text with & < > " ' escaped.
[[nodiscard]] std::string escape_html(std::string_view text);
/// The value of @p name in an application/x-www-form-urlencoded @p body; empty when malformed.
[[nodiscard]] std::string form_value(std::string_view body, std::string_view name);

} // namespace relay
