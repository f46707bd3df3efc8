// Receipts that control has not taken yet, each a file of the data folder.
#pragma once

#include "vault/folder.hpp"
#include "wire/receipt.hpp"

namespace relay {

inline constexpr const char *k_tallies_file = "tallies.json";

/// Its file's name: another for a later end of the same event.
[[nodiscard]] std::string file_name(const wire::Receipt &receipt);

/// Those that are there. One that cannot be read is left where it is, with a warning.
[[nodiscard]] std::vector<wire::SignedReceipt> load_receipts(const vault::Folder &folder);

} // namespace relay
