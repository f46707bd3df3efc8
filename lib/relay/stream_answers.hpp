// What is below a watch page: live.ts, the playlist, segments.
#pragma once

#include "relay/egress.hpp"
#include "relay/http_reader.hpp"
#include "relay/reply.hpp"
#include "relay/viewer_number.hpp"

namespace relay {

/// The answer to a GET or HEAD of @p name below @p event's page at @p now, control's time. Pure,
/// but for counting what it gives. Any origin may read it: a player may stand on another site's
/// page. One who asks for a playlist while the event is on air takes a place of those reserved; one
/// who asks for anything after it, of what @p egress has left.
[[nodiscard]] Reply stream_answer(const HttpRequest &request, const EventPtr &event,
                                  std::string_view name, base::UtcTime now, Viewer viewer,
                                  Egress &egress);

} // namespace relay
