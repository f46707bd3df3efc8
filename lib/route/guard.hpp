// The guard as nftables text, and the kernel's guard read back. See Guard in policy.hpp.
#pragma once

#include "route/policy.hpp"

namespace route {

/// `table inet slotcast { … }` as nft(8) prints it without counters' values.
[[nodiscard]] std::string guard_text(const Guard &guard);

/// Reads what nft prints for our table. Nothing when it is not exactly a guard of ours.
[[nodiscard]] std::optional<Guard> read_guard(std::string_view nft_text);

/// The guard in the kernel. Nothing when there is none, or when somebody changed it.
/// not_permitted without CAP_NET_ADMIN.
[[nodiscard]] base::Result<std::optional<Guard>> kernel_guard();

/// Puts @p guard there in one transaction: at no instant is there none, or half of one. Counters
/// survive when only the sets change.
[[nodiscard]] base::Result<void> set_kernel_guard(const Guard &guard);

/// Deletes the table; absent is success.
[[nodiscard]] base::Result<void> remove_kernel_guard();

} // namespace route
