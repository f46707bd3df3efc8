// resv-control serve: everything that runs, put together.
#pragma once

#include "control/config.hpp"

#include <functional>
#include <string>

namespace control {

/// What the one who runs it wants of a service.
enum class Wish { stop, reload };

struct ServiceCalls {
    std::function<void(const std::string &url)> ready; ///< requests are answered, at this address
    std::function<Wish()> next;                        ///< waits for the next wish
    std::function<base::Result<Config>()> load;        ///< reads the configuration anew
};

/// Serves until told to stop, and then lets what was accepted be answered; false when some of it
/// had to be cut off. To reload takes the configuration and the certificate anew, or says in the
/// log what is wrong with them and goes on with those it has. Only one process serves a data folder
/// with a SQLite ledger (try_again). config, no_input, bad_data: see load_keys, open_ledger and
/// net::HttpServer.
[[nodiscard]] base::Result<bool> serve(const Config &config, const ServiceCalls &calls);

} // namespace control
