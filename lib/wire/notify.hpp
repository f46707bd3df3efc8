// Whom to tell of a reservation: addresses that cannot be taken for anything else.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace wire {

/// `mailto:` one mailbox or an `https:` URL.
struct NotifyTarget {
    enum class Kind { mail, webhook };
    Kind kind = Kind::mail;
    std::string address; ///< `ops@example.org`, or the URL
};

/// Reads @p text (at most 1024 bytes) strictly: printable ASCII; of RFC 6068 one mailbox of RFC
/// 5321's dot-atom form without header fields or escapes; of RFC 3986 no user, no fragment.
/// bad_data: else.
[[nodiscard]] base::Result<NotifyTarget> parse_notify(std::string_view text);

/// Whether @p text is a mailbox as above.
[[nodiscard]] bool is_mailbox(std::string_view text);

/// `mailto:ops@example.org`, `https://example.org/…`: for logs, since paths may be secrets.
[[nodiscard]] std::string shown(const NotifyTarget &target);

} // namespace wire
