// Enrolment: a one-time token makes this machine's keys known to control, and control's to it.
#pragma once

#include "client/api.hpp"
#include "vault/vault.hpp"

namespace client {

/// The first line of @p file ("-": standard input), for tokens and passwords, which never stand in
/// argv. @p what is for error texts. no_input: it is empty.
[[nodiscard]] base::Result<std::string> read_secret_line(const std::string &file,
                                                         std::string_view what);

/// Enrols the keys of @p vault with a one-time @p token, then trusts control's key. Killed and
/// repeated with the same token, it gets the same answer.
[[nodiscard]] base::Result<wire::EnrolAnswer>
enrol_terminal(Api &api, vault::Vault &vault, std::string_view token, const base::Clock &clock);

/// What a replacement of keys came to.
struct Rotation {
    seal::KeyId key;
    seal::KeyId former_key;
    std::optional<base::UtcTime> former_until; ///< none: an earlier run was told
};

/// Has control put new keys in the place of @p vault's, which stay good there for @p overlap.
/// Killed and repeated, it goes on where it was: with the same new keys, also when control has
/// them.
[[nodiscard]] base::Result<Rotation> rotate_keys(Api &api, vault::Vault &vault,
                                                 base::Seconds overlap, const base::Clock &clock);

} // namespace client
