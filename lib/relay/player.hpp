// The watch page's files, which are part of the program: scripts, styles, the player from npm and
// its licence.
#pragma once

#include "relay/http_reader.hpp"
#include "relay/reply.hpp"

namespace relay {

/// `/player/VERSION/`, below which they are. The version is made of their contents, so that a cache
/// may keep each for ever and a page never gets those of another.
[[nodiscard]] const std::string &player_folder();

/// What a GET of `/player/VERSION/NAME` is answered: 200, 304, 404.
[[nodiscard]] Reply player_file(const HttpRequest &request, std::string_view version,
                                std::string_view name);

} // namespace relay
