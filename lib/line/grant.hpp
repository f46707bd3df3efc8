// What an access side gave to the interface of a line: addresses, gateways, MTU. It comes from
// outside, so that it is judged before any of it is put to use; and it is written down before it
// is, in a file of the state folder, so that whoever comes after a crash finds what to take back.
// Nothing else of the machine is touched: no route of other tables, no name server, no host name.
#pragma once

#include "route/address.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace line {

struct Grant {
    std::string interface;
    std::vector<route::InterfaceAddress> addresses;
    std::optional<route::Address> gateway4;
    std::optional<route::Address> gateway6;
    std::uint32_t mtu = 0; ///< bytes; 0: as the interface has it
    /// put() fills in both. The MTU that there was before; the interface was down, and goes down
    /// again.
    std::uint32_t former_mtu = 0;
    bool raised = false;
    bool operator==(const Grant &) const = default;
};

/// Where that of a carrier is, in the folder of the state.
[[nodiscard]] std::filesystem::path grant_file(const std::filesystem::path &folder,
                                               const std::string &carrier);

/// bad_data unless it can be lived with: addresses that a host can have, of which there are one to
/// four; gateways that are others than those, on their networks; an MTU of 576 (with IPv6 1280) to
/// 9216 bytes.
[[nodiscard]] base::Result<void> judge(const Grant &grant);

[[nodiscard]] std::string to_text(const Grant &grant);
[[nodiscard]] base::Result<Grant> read_grant(std::string_view text, std::string_view name);

/// What stands in @p file; nothing when it is absent.
[[nodiscard]] base::Result<std::optional<Grant>> load_grant(const std::filesystem::path &file);

/// Judges @p grant, writes it down, and makes the interface so: what @p file said before and does
/// not any more is taken away. With @p raise the interface is set up, too. Repeating it changes
/// nothing. no_input: there is no such interface.
[[nodiscard]] base::Result<void> put(const std::filesystem::path &file, Grant grant, bool raise);

/// Takes back what @p file says, then removes it; absent is success, as is an interface that is
/// gone.
[[nodiscard]] base::Result<void> take_back(const std::filesystem::path &file);

} // namespace line
