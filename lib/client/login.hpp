// A link that logs a browser in to control's calendar.
#pragma once

#include "client/api.hpp"

namespace client {

/// The record `{"type":"login","v":1,"url","expires"}`: a link that serves once, for two minutes.
/// Its secret stands in the fragment, which no browser sends: no server's log has it.
[[nodiscard]] base::Result<wire::Json> login_link(Api &api);

} // namespace client
