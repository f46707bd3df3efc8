// [notify]: how others are told.
#include "control/config_parts.hpp"
#include "wire/notify.hpp"

#include <array>
#include <charconv>

namespace control {

using base::Result;
using conf::Table;
using net::MailTls;

namespace {

constexpr std::array k_tls{std::pair{"starttls", MailTls::starttls}, std::pair{"tls", MailTls::tls},
                           std::pair{"none", MailTls::none}};

Result<MailTls> read_tls(const Table &t) {
    const std::string text = TRY(t.string_or("tls", "starttls"));
    for (const auto &[name, tls] : k_tls)
        if (text == name)
            return tls;
    return std::unexpected(t.error_at("tls", "is \"starttls\", \"tls\" or \"none\""));
}

std::string_view name(MailTls tls) {
    for (const auto &[name, value] : k_tls)
        if (value == tls)
            return name;
    return "";
}

// "mail.example.org:587" or "[2001:db8::1]:587".
Result<void> read_server(const Table &t, MailSite &site) {
    const std::string text = TRY(t.string("server"));
    const std::size_t colon = text.rfind(':');
    const std::string host = text.substr(0, colon);
    // As the authority of a URL, which is judged already.
    if (colon == std::string::npos || text.find_first_of("/?") != std::string::npos ||
        !wire::parse_notify("https://" + text))
        return std::unexpected(
            t.error_at("server", "is no host and port, such as \"mail.example.org:587\""));
    site.host = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), site.port);
    return {};
}

Result<MailSite> read_mail(const Table &t) {
    MailSite site;
    TRY(read_server(t, site));
    site.tls = TRY(read_tls(t));
    site.cacert = TRY(t.string_or("cacert", ""));
    site.from = TRY(t.string("from"));
    if (!wire::is_mailbox(site.from))
        return std::unexpected(
            t.error_at("from", "is no mailbox, such as \"slotcast@example.org\""));
    site.user = TRY(t.string_or("user", ""));
    site.password_file = TRY(t.string_or("password_file", ""));
    if (site.user.empty() != site.password_file.empty())
        return std::unexpected(t.error_at(site.user.empty() ? "password_file" : "user",
                                          "user and password_file go together"));
    if (!site.user.empty() && site.tls == MailTls::none)
        return std::unexpected(t.error_at("tls", "would send the password in the clear"));
    TRY(t.finish());
    return site;
}

Result<WebhookSite> read_webhooks(const Table &t) {
    WebhookSite site;
    site.cacert = TRY(t.string_or("cacert", ""));
    for (const std::string &text : TRY(t.strings_or_empty("allow"))) {
        auto network = net::Network::parse(text);
        if (!network)
            return std::unexpected(
                t.error_at("allow", network.error().message, network.error().hint));
        site.allow.push_back(*network);
    }
    TRY(t.finish());
    return site;
}

} // namespace

Result<Notify> read_notify(const Table &t) {
    Notify out;
    out.keep_trying = TRY(t.duration_or("keep_trying", out.keep_trying));
    if (t.has("mail"))
        out.mail = TRY(read_mail(TRY(t.table("mail"))));
    if (t.has("webhooks"))
        out.webhooks = TRY(read_webhooks(TRY(t.table("webhooks"))));
    TRY(t.finish());
    return out;
}

std::string print_notify(const Notify &n) {
    std::string out =
        fmt::format("\n[notify]\nkeep_trying = \"{}\"\n", base::format_duration(n.keep_trying));
    const auto line = [&out](std::string_view key, std::string_view value) {
        if (!value.empty())
            out += fmt::format("{} = \"{}\"\n", key, value);
    };
    if (n.mail) {
        const bool v6 = n.mail->host.find(':') != std::string::npos;
        out += fmt::format("\n[notify.mail]\nserver = \"{}{}{}:{}\"\n", v6 ? "[" : "", n.mail->host,
                           v6 ? "]" : "", n.mail->port);
        line("tls", name(n.mail->tls));
        line("cacert", n.mail->cacert.native());
        line("from", n.mail->from);
        line("user", n.mail->user);
        line("password_file", n.mail->password_file.native());
    }
    if (n.webhooks) {
        out += "\n[notify.webhooks]\n";
        line("cacert", n.webhooks->cacert.native());
        std::string list;
        for (const net::Network &network : n.webhooks->allow)
            list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", network.text());
        out += fmt::format("allow = [{}]\n", list);
    }
    return out;
}

} // namespace control
