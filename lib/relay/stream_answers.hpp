// What is below a watch page: live.ts, the playlist, segments.
#pragma once

#include "relay/http_reader.hpp"
#include "relay/reply.hpp"

namespace relay {

/// The answer to a GET or HEAD of @p name below @p event's page at @p now, control's time. Pure,
/// but for counting what it gives. Any origin may read it: a player may stand on another site's
/// page.
[[nodiscard]] Reply stream_answer(const HttpRequest &request, const EventPtr &event,
                                  std::string_view name, base::UtcTime now);

} // namespace relay
