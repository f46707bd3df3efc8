// The relay's keys, in one file of its data folder (0700, the file 0600).
#pragma once

#include "relay/config.hpp"
#include "seal/keys.hpp"
#include "vault/folder.hpp"

namespace relay {

/// All secrets of a relay. control_key and group_key are there once it is enrolled.
struct RelayKeys {
    seal::SigningKey sign;
    seal::BoxKey box;
    seal::Secret viewer_key; ///< makes the tokens of viewers who gave the password
    std::optional<seal::PublicKey> control_key;
    seal::Secret group_key;

    [[nodiscard]] bool enrolled() const { return control_key.has_value(); }
    [[nodiscard]] static RelayKeys generate();
};

/// no_input: there are none, or enrolment did not finish (hint: relay-serve enrol).
[[nodiscard]] base::Result<RelayKeys> load_keys(const RelayConfig &config);

/// Makes key pairs, has control enrol them by @p token (wiped), opens the group key and pins
/// control's key. A run that was cut short is taken up with the keys it made. refused: enrolled
/// already.
[[nodiscard]] base::Result<void> enrol(const RelayConfig &config, std::string token);

/// For reading and writing by enrol; bad_data: damaged.
[[nodiscard]] base::Result<RelayKeys> read_keys(const vault::Folder &folder);
[[nodiscard]] base::Result<void> write_keys(const vault::Folder &folder, const RelayKeys &keys);

} // namespace relay
