// Control's data folder: signing key, relay group key and ledger.
#pragma once

#include "control/config.hpp"
#include "seal/keys.hpp"

namespace control {

struct Keys {
    seal::SigningKey signing; ///< signs settings, tickets and feeds
    seal::Secret group;       ///< 32 bytes that control and its relays share
};

enum class InitResult { made, was_there };

/// Makes the folder (0700), the ledger and the keys (0600). Never overwrites: what a killed init
/// left is completed, a folder that lost a part of a whole set is refused.
[[nodiscard]] base::Result<InitResult> init_data(const Config &config);

/// Reads both keys. no_input: init was not run; not_permitted: another owner than this process, or
/// a mode that lets others in; bad_data: damaged, a link, not a regular file, or not the key that
/// the ledger was made with.
[[nodiscard]] base::Result<Keys> load_keys(const Config &config);

} // namespace control
