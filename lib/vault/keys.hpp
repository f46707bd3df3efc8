// The terminal's two key pairs, in the vault's file `keys`.
#pragma once

#include "vault/folder.hpp"

namespace vault {

struct Keys {
    seal::SigningKey sign; ///< Ed25519: signs requests; its id is the terminal's
    seal::BoxKey box;      ///< X25519: opens settings
};

/// Reads the file. no_input: absent; bad_data: damaged, be it by one bit.
[[nodiscard]] base::Result<Keys> read_keys(const Folder &folder);

/// Makes the file when it is absent; one that is there, even a damaged one, is never replaced. Call
/// it under the folder's lock.
[[nodiscard]] base::Result<void> make_keys(const Folder &folder);

} // namespace vault
