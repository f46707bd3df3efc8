#include "wire/notify.hpp"

#include <algorithm>

namespace wire {

using base::Errc;
using base::Result;

namespace {

constexpr std::size_t k_max_target = 1024;
constexpr std::size_t k_max_local = 64;   // RFC 5321 section 4.5.3.1.1
constexpr std::size_t k_max_domain = 253; // RFC 1035, as text
constexpr std::size_t k_max_label = 63;

constexpr std::string_view k_letters_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view k_https = "https://";

bool only(std::string_view text, std::string_view more) {
    return std::ranges::all_of(
        text, [&](char c) { return k_letters_digits.contains(c) || more.contains(c); });
}

// Calls `good` with each part between dots; false when one is refused.
template <typename Good> bool each_part(std::string_view text, Good good) {
    for (;;) {
        const std::size_t dot = text.find('.');
        if (!good(text.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_host_name(std::string_view text) {
    return text.size() <= k_max_domain && each_part(text, [](std::string_view label) {
               return !label.empty() && label.size() <= k_max_label && only(label, "-") &&
                      !label.starts_with('-') && !label.ends_with('-');
           });
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 && text.front() != '0' &&
           text.find_first_not_of("0123456789") == std::string_view::npos &&
           (text.size() < 5 || text <= "65535");
}

// A name, an IPv4 literal (which has a name's form) or an IPv6 literal; perhaps a port.
bool is_authority(std::string_view text) {
    std::string_view host = text;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || end < 3 ||
            text.substr(1, end - 1).find_first_not_of("0123456789abcdefABCDEF:.") !=
                std::string_view::npos)
            return false;
        const std::string_view rest = text.substr(end + 1);
        return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
    }
    if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        if (!is_port(text.substr(colon + 1)))
            return false;
    }
    return is_host_name(host);
}

bool is_webhook(std::string_view url) {
    const std::string_view rest = url.substr(k_https.size());
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    return is_authority(rest.substr(0, end)) &&
           only(rest.substr(end), "-._~%!$&'()*+,;=:@/?"); // RFC 3986: no '#', brackets, quotes
}

} // namespace

bool is_mailbox(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos || at > k_max_local)
        return false;
    return each_part(text.substr(0, at),
                     [](std::string_view atom) { return !atom.empty() && only(atom, "+-_~="); }) &&
           is_host_name(text.substr(at + 1));
}

Result<NotifyTarget> parse_notify(std::string_view text) {
    constexpr std::string_view k_mailto = "mailto:";
    const auto bad = [&](std::string_view what) {
        return base::fail_hint(Errc::bad_data,
                               "write mailto:ops@example.org or https://example.org/path",
                               "not an address to notify: {}", what);
    };
    if (text.size() > k_max_target)
        return bad("it has more than 1024 bytes");
    if (text.starts_with(k_mailto)) {
        const std::string_view box = text.substr(k_mailto.size());
        if (!is_mailbox(box))
            return bad("mailto: and one plain mailbox, without header fields or escapes");
        return NotifyTarget{NotifyTarget::Kind::mail, std::string(box)};
    }
    if (!text.starts_with(k_https))
        return bad("neither mailto: nor https:");
    if (!is_webhook(text))
        return bad("https://, a host without a user, and a path of RFC 3986 without a fragment");
    return NotifyTarget{NotifyTarget::Kind::webhook, std::string(text)};
}

std::string shown(const NotifyTarget &target) {
    if (target.kind == NotifyTarget::Kind::mail)
        return "mailto:" + target.address;
    const std::size_t end = target.address.find_first_of("/?", k_https.size());
    return target.address.substr(0, end) + (end == std::string::npos ? "" : "/…");
}

} // namespace wire
