// resv-control serve: everything that runs, put together.
#pragma once

#include "control/config.hpp"

#include <functional>
#include <string>

namespace control {

/// Serves until @p wait_for_stop returns; calls @p ready with the address once requests are
/// answered. Only one process serves a data folder with a SQLite ledger (try_again). config,
/// no_input, bad_data: see load_keys, open_ledger and net::HttpServer.
[[nodiscard]] base::Result<void> serve(const Config &config,
                                       const std::function<void(const std::string &url)> &ready,
                                       const std::function<void()> &wait_for_stop);

} // namespace control
