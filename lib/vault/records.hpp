// The records that resv-store reads and prints, one JSON object per line; see slotcast-settings(5).
#pragma once

#include "vault/vault.hpp"

#include <string>
#include <vector>

namespace vault {

/// One settings record of the input, or why it is none.
struct InputLine {
    std::string where; ///< "standard input, line 2"
    base::Result<wire::SealedSettings> settings;
};

/// Reads JSON lines from @p file (`-`: standard input) and keeps the settings; records of other
/// types are passed over. no_input: nothing there, or no settings among it. bad_data: over 16 MB.
[[nodiscard]] base::Result<std::vector<InputLine>> read_records(const std::string &file);

/// A control's public key as `resv-store trust` takes it: @p text, or with `-` standard input.
/// usage: it is none.
[[nodiscard]] base::Result<seal::PublicKey> read_key(const std::string &text);

/// `{"type":"terminal","v":1,…}`: public keys, key id, trusted controls.
[[nodiscard]] base::Result<wire::Json> terminal_record(const Vault &vault);
/// `{"type":"stored","v":1,"reservation":ID,"result":"stored"|"replaced"|"unchanged"}`
[[nodiscard]] wire::Json stored_record(const base::Id &id, Added added);
/// `{"type":"removed","v":1,"reservation":ID}`
[[nodiscard]] wire::Json removed_record(const base::Id &id);
/// `{"type":"violation","v":1,"path":…,"problem":…}`
[[nodiscard]] wire::Json violation_record(const Violation &violation);

} // namespace vault
