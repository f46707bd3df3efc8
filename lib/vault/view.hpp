// A settings document for people, shells and encoders. Only publish_url(…, Secrets::reveal) and
// nothing else here ever puts a secret into text.
#pragma once

#include "vault/vault.hpp"

#include <string>

namespace vault {

enum class Secrets { hide, reveal };

/// The record `{"type":"event","v":1,…}`: one line of `resv-store list`.
[[nodiscard]] wire::Json event_record(const Summary &event);

/// `resv-store list --table`: its first line, and one for @p event, whose start @p start shows.
[[nodiscard]] std::string table_head();
[[nodiscard]] std::string table_row(const Summary &event, std::string_view start);

/// The record `{"type":"document","v":1,…}`: the whole document with `****` for the tickets, the
/// passphrases, the probe keys and the password hash.
[[nodiscard]] wire::Json document_record(const wire::Settings &settings);

/// The carrier to show: @p wanted when given, else @p preset when the document has it, else the
/// first by preference. refused: the document has no carrier @p wanted.
[[nodiscard]] base::Result<const wire::CarrierInfo *> choose_carrier(const wire::Settings &settings,
                                                                     const std::string &wanted,
                                                                     const std::string &preset);

/// Where to publish over a carrier; both belong to the document.
struct Route {
    const wire::RelayInfo *relay;
    const wire::Endpoint *at; ///< that relay's ingest address on the carrier
};
/// The first relay by preference that @p carrier leads to.
[[nodiscard]] base::Result<Route> route_of(const wire::Settings &settings,
                                           const wire::CarrierInfo &carrier);

/// `srt://HOST:PORT?mode=caller&streamid=TICKET&passphrase=…&pbkeylen=16`, in which nothing needs
/// escaping. No latency: ffmpeg counts it in microseconds and everybody else in milliseconds, and
/// the relay's, being the larger, rules the handshake.
[[nodiscard]] base::Result<std::string>
publish_url(const wire::Settings &settings, const wire::CarrierInfo &carrier, Secrets secrets);

/// `NAME='value'` lines for sh(1), without secrets: RESV_ID, RESV_START …
[[nodiscard]] base::Result<std::string> shell_lines(const wire::Settings &settings,
                                                    const wire::CarrierInfo &carrier);

/// How a document is shown: document_record, shell_lines, or publish_url without or with secrets.
enum class Form { record, shell, url, revealed_url };

/// `resv-store get`: @p settings in @p form, by choose_carrier(@p wanted, @p preset). The record
/// has all carriers when none is wanted.
[[nodiscard]] base::Result<std::string> shown(const wire::Settings &settings, Form form,
                                              const std::string &wanted, const std::string &preset);

/// @p text in single quotes, as one word of sh(1), whatever it holds.
[[nodiscard]] std::string shell_word(std::string_view text);

} // namespace vault
