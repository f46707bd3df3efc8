// The terminal's key pairs, in the vault's file `keys`: those in use, and while they are replaced
// the next and the former ones.
#pragma once

#include "vault/folder.hpp"
#include "vault/vault.hpp"

namespace vault {

constexpr std::size_t k_max_former = 8;

struct Keys {
    KeyPairs now;
    std::optional<KeyPairs> next; ///< made, and perhaps known to control already
    std::vector<KeyPairs> former; ///< the newest last; they open what was sealed to them

    /// Those whose signing key has that id.
    [[nodiscard]] const KeyPairs *find(const seal::KeyId &id) const;
};

/// Reads the file. no_input: absent; bad_data: damaged, be it by one bit.
[[nodiscard]] base::Result<Keys> read_keys(const Folder &folder);

/// Makes the file when it is absent; one that is there, even a damaged one, is never replaced. Call
/// it under the folder's lock.
[[nodiscard]] base::Result<void> make_keys(const Folder &folder);

/// Replaces the file, at once and durably. Call it under the folder's lock.
[[nodiscard]] base::Result<void> write_keys(const Folder &folder, const Keys &keys);

} // namespace vault
