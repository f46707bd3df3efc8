// E-mail with a calendar, handed to a mail server by SMTP. libcurl stays in the .cpp.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace net {

enum class MailTls {
    none,     ///< in the clear: for a server on this machine or a trusted network
    starttls, ///< RFC 3207, required
    tls       ///< from the first byte (RFC 8314)
};

struct MailServer {
    std::string host; ///< a name or an IP literal
    std::uint16_t port = 587;
    MailTls tls = MailTls::starttls;
    std::string cacert;   ///< PEM file of the only authorities to trust; empty: the system's
    std::string user;     ///< empty: without authentication
    std::string password; ///< a secret
    base::Millis timeout{20'000};
};

struct Mail {
    std::string from; ///< mailboxes, as wire::is_mailbox has them
    std::string to;
    std::string subject;    ///< ASCII: RFC 2047's encoded words for all else
    std::string message_id; ///< without <>
    base::UtcTime date;
    std::string text;     ///< UTF-8
    std::string calendar; ///< text/calendar, UTF-8; empty: none
    std::string method;   ///< its METHOD
};

/// Hands @p mail over. refused: the server will never take it (5yz, RFC 5321 section 4.2.1);
/// unavailable: not now, or it cannot be reached; not_permitted: it does not take our password;
/// try_again: @p cancelled became true; bug: a header field holds what it must not.
[[nodiscard]] base::Result<void> send_mail(const MailServer &server, const Mail &mail,
                                           const std::atomic<bool> &cancelled);

} // namespace net
