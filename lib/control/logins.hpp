// Browsers cannot sign: a signed request gets a code that logs in once, and that gets a session.
#pragma once

#include "control/calendar.hpp"
#include "control/keys.hpp"

namespace control {

/// How long a code waits to be used.
constexpr base::Seconds k_code_life{120};

/// A key of which a browser may see what it may see, for a while.
struct Session {
    seal::KeyId key;
    base::UtcTime until;
};

/// Makes and reads codes and sessions. Both are sealed with a key of control's: every control with
/// the same keys reads them, and of a session nothing is kept. A code's hash is in the ledger, so
/// that it serves once. Thread-safe.
class Logins {
  public:
    Logins(const Config &config, const Keys &keys);

    struct Code {
        std::string text;
        base::UtcTime expires;
    };
    /// A code for the party whose key is @p key.
    [[nodiscard]] Outcome<Code> make(ledger::Transaction &t, const seal::KeyId &key,
                                     base::UtcTime now) const;
    /// One for who runs control: it sees what an operator sees.
    [[nodiscard]] Outcome<Code> make_own(ledger::Transaction &t, base::UtcTime now) const;

    /// The session that @p code gets, as the text of a cookie. 403 bad_login: unknown, used, too
    /// old, or its key is not enrolled any more.
    [[nodiscard]] Outcome<std::string> take(ledger::Transaction &t, const std::string &code,
                                            base::UtcTime now) const;
    /// What that text says; 401 no_session: not made here, or over.
    [[nodiscard]] Outcome<Session> open(std::string_view text, base::UtcTime now) const;
    /// Who looks with the key @p key; 401 no_session: it is not enrolled any more, or a relay's.
    [[nodiscard]] Outcome<Viewer> viewer(ledger::Transaction &t, const seal::KeyId &key) const;

  private:
    const Config &m_config;
    const seal::KeyId m_own;
    const seal::Secret m_key;
};

} // namespace control
