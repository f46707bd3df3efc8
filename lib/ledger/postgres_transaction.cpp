#include "ledger/postgres_transaction.hpp"

namespace ledger {

using base::Result;
using base::UtcTime;

// Whoever writes is alone, see PostgresConnection::begin(). The demands of dead holds go, or the
// constraint on channels would count them; those of all resources, for which there is an index.
Result<void> PostgresTransaction::lock(const std::vector<std::string> & /*names*/, UtcTime now) {
    return m_sql.run("DELETE FROM demands WHERE hold_expires_ms <= ?", {now});
}

Result<std::int64_t> PostgresTransaction::next_feed_serial(const std::string &relay) {
    m_feed_changed = true;
    return SqlTransaction::next_feed_serial(relay);
}

// The database works on what it was sent while the answer is made.
Result<void> PostgresTransaction::put_answer(const std::string &by, const std::string &key,
                                             MakeAnswer make) {
    m_sql.send_now();
    return SqlTransaction::put_answer(by, key, std::move(make));
}

} // namespace ledger
