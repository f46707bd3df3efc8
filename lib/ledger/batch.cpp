#include "ledger/batch.hpp"

#include "ledger/sql_rows.hpp"
#include "ledger/sql_transaction.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

namespace ledger {

using base::Errc;
using base::Result;
using base::UtcTime;

namespace {

const std::string k_writes = "demands"; // its name of old

} // namespace

// What one work sees. What is not here goes by FlushingSql.
class BatchTransaction final : public SqlTransaction {
  public:
    explicit BatchTransaction(Batch &batch)
        : SqlTransaction(batch.m_flushing, &batch.m_doing.changes), m(batch),
          m_direct(batch.m_sql) {}

    Result<void> lock(const std::vector<std::string> &, UtcTime now) override {
        if (m.m_dead_holds == Batch::DeadHolds::in_the_way)
            m.m_dead_by = std::max(m.m_dead_by.value_or(now), now);
        return {};
    }
    Result<std::optional<Booking>> booking(const base::Id &id) override {
        for (Draft *draft : {&m.m_doing.draft, &m.m_draft})
            if (const auto *added = draft->find(id))
                return added->booking;
        return m_direct.booking(id);
    }
    using SqlTransaction::put;
    Result<void> add(const Booking &booking, const std::vector<resv::Demand> &demands) override {
        auto loads = loads_of(booking, demands);
        for (const resv::Load &load : loads)
            m.m_doing.changes.added.push_back({load, booking.life.hold_expires});
        m.m_doing.draft.bookings.push_back({booking, std::move(loads)});
        return {};
    }
    Result<void> put_settings_serial(const base::Id &id, std::int64_t serial) override {
        if (auto *added = m.m_doing.draft.find(id)) {
            added->booking.settings_serial = serial;
            return {};
        }
        return SqlTransaction::put_settings_serial(id, serial);
    }
    Result<void> put(const HistoryEntry &entry) override {
        m.m_doing.draft.history.push_back(entry);
        return {};
    }
    Result<void> put(const Notice &notice) override {
        m.m_doing.draft.notices.push_back(notice);
        return {};
    }
    Result<resv::Timetable> taken(const std::vector<std::string> &resources, resv::Span span,
                                  UtcTime now, const std::optional<base::Id> &except) override {
        auto known = except ? std::nullopt : m.m_mirror.taken(m.m_serial, resources, span, now);
        if (!known)
            return SqlTransaction::taken(resources, span, now, except);
        m.add_changes(*known, resources, span, now);
        return *std::move(known);
    }
    Result<std::int64_t> next_feed_serial(const std::string &relay) override {
        return m.next_serial("feed:" + relay);
    }
    Result<std::optional<Party>> party_by_key(const seal::KeyId &key) override {
        if (const auto found = m.m_memory.by_key.find(key); found != m.m_memory.by_key.end())
            return found->second;
        auto party = TRY(m_direct.party_by_key(key));
        if (party)
            m.m_memory.by_key.emplace(key, *party);
        return party;
    }
    Result<std::optional<Party>> party_by_name(const std::string &name) override {
        if (const auto found = m.m_memory.by_name.find(name); found != m.m_memory.by_name.end())
            return found->second;
        auto party = TRY(m_direct.party_by_name(name));
        if (party)
            m.m_memory.by_name.emplace(name, *party);
        return party;
    }
    Result<void> put(const Party &party) override {
        change_parties();
        return SqlTransaction::put(party);
    }
    Result<void> remove_party(const std::string &name) override {
        change_parties();
        return SqlTransaction::remove_party(name);
    }
    Result<std::optional<StoredAnswer>> answer(const std::string &by,
                                               const std::string &key) override {
        if (const StoredAnswer *made = m.m_answers.find(by, key))
            return *made;
        if (const auto seen = m.m_foreseen.find({by, key}); seen != m.m_foreseen.end())
            return seen->second;
        return m_direct.answer(by, key);
    }
    Result<void> put_answer(const std::string &by, const std::string &key,
                            MakeAnswer make) override {
        m.m_answers.add(by, key, std::move(make));
        return {};
    }

  private:
    void change_parties() {
        m.m_doing.parties = true;
        m.m_memory.forget_parties();
    }

    Batch &m;
    SqlTransaction m_direct; // for what is never a draft
};

Result<std::unique_ptr<Rows>> Batch::FlushingSql::query_with(std::string_view sql, Values values) {
    TRY(m_batch.settle(!sql.starts_with("SELECT")));
    return m_batch.m_sql.query_with(sql, values);
}

Result<void> Batch::FlushingSql::run_with(std::string_view sql, Values values) {
    TRY(m_batch.settle(true));
    return m_batch.m_sql.run_with(sql, values);
}

Result<void> Batch::begin() {
    const auto rows = TRY(m_sql.query("SELECT name, value FROM serials"));
    while (TRY(rows->next()))
        m_feeds.emplace(rows->text(0), rows->integer(1));
    m_serial = m_feeds[k_writes];
    if (std::exchange(m_memory.serial, m_serial) != m_serial)
        m_memory.forget_parties();
    return {};
}

Result<void> Batch::look_ahead(std::span<const Job> jobs) {
    for (const Job &job : jobs)
        if (job.about)
            m_foreseen.emplace(*job.about, std::nullopt);
    if (m_foreseen.empty())
        return {};
    std::string sql = "SELECT by, key, request, status, body, created_ms FROM answers "
                      "WHERE (by, key) IN (";
    std::vector<Value> values;
    for (const auto &[about, answer] : m_foreseen) {
        values.emplace_back(about.by);
        values.emplace_back(about.key);
    }
    // The same few statements for any number: the last ones are asked for twice.
    while (!std::has_single_bit(values.size() / 2))
        values.insert(values.end(), {values[0], values[1]});
    for (std::size_t i = 0; i < values.size(); i += 2)
        sql += i == 0 ? "(?, ?)" : ", (?, ?)";
    const auto rows = TRY(m_sql.query_with(sql + ")", values));
    while (TRY(rows->next())) {
        auto answer = TRY(read_answer(*rows));
        m_foreseen[{answer.by, answer.key}] = std::move(answer);
    }
    return {};
}

Result<void> Batch::run(Job &job, const std::function<Result<void>()> &alive) {
    m_doing = {};
    const std::size_t answers = m_answers.size();
    BatchTransaction transaction{*this};
    job.result = run_work(transaction, *job.work);
    TRY(m_good);
    if (auto still = alive(); !still) // a full disk, for one, ends it all
        return job.result ? still : job.result;
    return job.result ? keep() : undo(answers);
}

Result<void> Batch::keep() {
    m_draft.append(std::move(m_doing.draft));
    m_changes.append(std::move(m_doing.changes));
    m_feed_changed = m_feed_changed || !m_doing.feeds.empty();
    for (const auto &[feed, serial] : m_doing.feeds)
        m_new_feeds[feed] = serial;
    m_wrote = m_wrote || m_doing.wrote || !m_doing.feeds.empty();
    return m_doing.saved ? m_sql.run("RELEASE job") : Result<void>{};
}

Result<void> Batch::undo(std::size_t answers) {
    m_answers.keep(answers);
    if (m_doing.parties)
        m_memory.forget_parties();
    if (!m_doing.saved)
        return {};
    m_memory.longest = -1;
    TRY(m_sql.run("ROLLBACK TO job"));
    return m_sql.run("RELEASE job");
}

// Once something of a draft is lost, all is.
Result<void> Batch::settle(bool writes) {
    if (m_good)
        m_good = write_all(writes);
    return m_good;
}

Result<void> Batch::write_all(bool writes) {
    if (writes || !m_draft.empty() || !m_doing.draft.empty())
        TRY(remove_dead_holds());
    TRY(flush(m_draft));
    if (!writes && m_doing.draft.empty())
        return {};
    if (!std::exchange(m_doing.saved, true))
        TRY(m_sql.run("SAVEPOINT job"));
    m_doing.wrote = true;
    return flush(m_doing.draft);
}

Result<void> Batch::flush(Draft &draft) {
    if (draft.empty())
        return {};
    if (&draft == &m_draft)
        m_wrote = true;
    TRY(write_draft(m_sql, draft));
    const std::int64_t longest = longest_of(draft);
    draft = {};
    if (longest <= m_memory.longest)
        return {};
    m_memory.longest = longest;
    return raise_longest(m_sql, longest);
}

// Whatever becomes of the work that met them.
Result<void> Batch::remove_dead_holds() {
    if (!m_dead_by)
        return {};
    const std::size_t before = m_changes.removed.size();
    SqlTransaction transaction{m_sql, &m_changes};
    TRY(transaction.remove_dead_holds(*std::exchange(m_dead_by, std::nullopt)));
    m_wrote = m_wrote || m_changes.removed.size() > before;
    return {};
}

Result<std::vector<StoredAnswer>> Batch::made_answers() {
    m_sql.send_now(); // it works while they are made
    try {
        return m_answers.take_all();
    } catch (const std::exception &e) {
        return base::fail(Errc::bug, "ledger: internal error: {}", e.what());
    }
}

Result<void> Batch::finish() {
    m_doing = {};
    TRY(settle(false));
    const auto answers = TRY(made_answers());
    TRY(write_answers(m_sql, answers));
    m_wrote = m_wrote || !answers.empty();
    if (!m_wrote)
        return {};
    std::vector<Value> values{k_writes, m_serial + 1};
    for (const auto &[feed, serial] : m_new_feeds)
        values.insert(values.end(), {Value{feed}, Value{serial}});
    return insert_rows(m_sql, "INSERT INTO serials", 2, values,
                       "ON CONFLICT (name) DO UPDATE SET value = excluded.value");
}

Result<std::int64_t> Batch::next_serial(const std::string &feed) {
    // A relay that is new here begins after `feed`, the one serial that all had in former ledgers.
    for (const auto *known : {&m_doing.feeds, &m_new_feeds, &m_feeds})
        for (const auto &name : {feed, std::string("feed")})
            if (const auto found = known->find(name); found != known->end())
                return m_doing.feeds[feed] = found->second + 1;
    return base::fail(Errc::bad_data, "ledger: the feed's serial is missing");
}

// What this batch has done to it is not in memory yet.
void Batch::add_changes(resv::Timetable &taken, const std::vector<std::string> &resources,
                        resv::Span span, UtcTime now) const {
    std::vector<resv::Load> loads;
    const auto collect = [&](const std::vector<DemandRow> &rows, std::int64_t sign) {
        for (const DemandRow &row : rows)
            if (row.load.span.overlaps(span) && (!row.expires || *row.expires > now) &&
                std::ranges::find(resources, row.load.resource) != resources.end())
                loads.push_back({row.load.resource, row.load.span, sign * row.load.units});
    };
    for (const DemandChanges *changes : {&m_changes, &m_doing.changes}) {
        collect(changes->added, 1);
        collect(changes->removed, -1);
    }
    taken.add(loads);
}

void Batch::committed() {
    m_memory.serial = serial().value_or(m_serial);
}

void Batch::lost() {
    m_answers.keep(0);
    m_memory = {};
}

} // namespace ledger
