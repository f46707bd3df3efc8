#include "ledger/postgres.hpp"

#include "ledger/batch.hpp"
#include "ledger/postgres_pool.hpp"
#include "ledger/postgres_schema.hpp"
#include "ledger/postgres_watch.hpp"
#include "ledger/sql_transaction.hpp"
#include "ledger/sqlite_schema.hpp"

#include <span>
#include <thread>

namespace ledger {

using base::Errc;
using base::Result;
using Clock = std::chrono::steady_clock;

namespace {

constexpr base::Seconds k_patience{10}; // with a database that restarts, or others that are faster
constexpr base::Millis k_first_pause{5};
constexpr base::Millis k_longest_pause{250};

// How long one call may go on trying, and when it tries again.
class Patience {
  public:
    [[nodiscard]] bool over() const { return Clock::now() >= m_until; }
    void pause() {
        std::this_thread::sleep_for(m_pause);
        m_pause = std::min(m_pause * 2, k_longest_pause);
    }

  private:
    Clock::time_point m_until = Clock::now() + k_patience;
    base::Millis m_pause = k_first_pause;
};

class PostgresLedger final : public Ledger {
  public:
    explicit PostgresLedger(std::string uri)
        : m_pool(std::move(uri)),
          m_mirror([this](const Mirror::Take &take) { return read_all(take); }),
          m_writer([this](std::vector<Job> group) {
              write_group(group);
              tell(std::move(group));
          }) {}

    Result<void> write(const Work &work) override { return m_writer.write(work); }
    Result<void> write_once(const Work &work, const AnswerKey &about) override {
        return m_writer.write(work, about);
    }

    Result<void> read(const Work &work) override {
        return patiently([&](PostgresConnection &c) {
            c.begin(PostgresConnection::Mode::read);
            SqlTransaction t{c};
            auto done = run_work(t, work);
            c.end_read();
            return done;
        });
    }

    [[nodiscard]] std::unique_ptr<Watch> watch(const std::function<void()> &changed) override {
        return std::make_unique<Watching>(*this, changed);
    }

  private:
    struct Watching final : Watch {
        Watching(PostgresLedger &of, std::function<void()> changed)
            : owner(of), watch(of.m_pool.uri(), std::move(changed)) {
            const std::scoped_lock lock{owner.m_mutex};
            owner.m_watch = &watch;
        }
        Watching(const Watching &) = delete;
        Watching &operator=(const Watching &) = delete;
        ~Watching() override {
            const std::scoped_lock lock{owner.m_mutex};
            owner.m_watch = nullptr;
        }
        PostgresLedger &owner;
        PostgresWatch watch;
    };

    // On a connection of its own: it takes long, and a page at a time.
    [[nodiscard]] Result<std::int64_t> read_all(const Mirror::Take &take) const {
        const auto c = TRY(PostgresConnection::open(m_pool.uri()));
        c->begin(PostgresConnection::Mode::read);
        return read_demands(*c, take);
    }

    // A command that ends soon has nobody who listens, and tells it itself.
    void tell_others(PostgresConnection &c) {
        {
            const std::scoped_lock lock{m_mutex};
            if (m_watch != nullptr)
                return m_watch->tell_others();
        }
        (void)notify_postgres(c); // without it they find the entry a little later
    }

    // Together when they can be: it is every one by itself when the database has to say anything
    // but yes, for then all of them are undone.
    void write_group(std::span<Job> group) {
        if (group.size() > 1 && write_together(group))
            return;
        for (Job &job : group)
            job.result = patiently([&](PostgresConnection &c) {
                const auto written = write_batch(c, {&job, 1});
                return written ? job.result : written;
            });
    }

    bool write_together(std::span<Job> group) {
        auto connection = m_pool.take();
        if (!connection)
            return false;
        const auto written = write_batch(**connection, group);
        m_pool.give_back(std::move(*connection));
        return written.has_value();
    }

    Result<void> write_batch(PostgresConnection &c, std::span<Job> jobs) {
        Batch batch{c, {m_memory, m_answers, m_mirror}, Batch::DeadHolds::in_the_way};
        c.begin(PostgresConnection::Mode::write);
        auto done = run_batch(c, batch, jobs);
        if (done)
            done = commit(c, batch);
        if (!done) {
            c.rollback();
            batch.lost();
            return done;
        }
        batch.committed();
        if (batch.feed_changed())
            tell_others(c);
        return {};
    }

    static Result<void> run_batch(PostgresConnection &c, Batch &batch, std::span<Job> jobs) {
        TRY(batch.begin());
        TRY(batch.look_ahead(jobs));
        for (Job &job : jobs)
            TRY(batch.run(job, [&c] { return c.good(); }));
        return batch.finish();
    }

    Result<void> commit(PostgresConnection &c, Batch &batch) {
        const auto serial = batch.serial();
        if (serial)
            m_mirror.committing();
        auto done = c.commit();
        if (serial && done)
            m_mirror.committed(*serial, batch.take_changes());
        else if (serial)
            m_mirror.not_committed();
        return done;
    }

    // Tries until it is done, refused, or failed for good.
    template <typename Once> Result<void> patiently(const Once &once) {
        Patience patience;
        for (;; patience.pause()) {
            auto connection = m_pool.take();
            if (!connection && (connection.error().code != Errc::unavailable || patience.over()))
                return std::unexpected(connection.error());
            if (!connection)
                continue;
            auto done = once(**connection);
            const auto fate = (*connection)->fate();
            m_pool.give_back(std::move(*connection));
            if (fate == PostgresConnection::Fate::good)
                return done;
            if (patience.over())
                return fate == PostgresConnection::Fate::lost
                           ? base::fail_hint(Errc::unavailable,
                                             "see whether the database is running",
                                             "ledger: the connection to the database was lost")
                           : base::fail_hint(Errc::try_again, "try again later",
                                             "ledger: others were faster, again and again");
        }
    }

    PostgresPool m_pool;
    std::mutex m_mutex;
    PostgresWatch *m_watch = nullptr;
    Mirror m_mirror;
    AnswerMaker m_answers;
    WriterMemory m_memory;
    GroupWriter m_writer; // last: it uses the above
};

Result<bool> has_ledger(PostgresConnection &c) {
    c.begin(PostgresConnection::Mode::read);
    const auto found = c.number("SELECT 1::bigint FROM pg_catalog.pg_class "
                                "WHERE oid = to_regclass('slotcast.ledger')");
    c.end_read();
    return TRY(found).has_value();
}

Result<void> check_version(PostgresConnection &c) {
    if (!TRY(has_ledger(c)))
        return base::fail_hint(Errc::no_input, "make it with resv-control init",
                               "ledger: there is none in the database");
    c.begin(PostgresConnection::Mode::read);
    const auto version = c.number("SELECT version FROM ledger");
    c.end_read();
    if (TRY(version) != k_ledger_version)
        return base::fail(Errc::bad_data, "ledger: version {}, this program knows {}",
                          version->value_or(0), k_ledger_version);
    return {};
}

} // namespace

Result<bool> has_postgres_ledger(const std::string &uri) {
    const auto connection = TRY(PostgresConnection::open(uri));
    return has_ledger(*connection);
}

Result<void> create_postgres_ledger(const std::string &uri) {
    const auto connection = TRY(PostgresConnection::open(uri));
    if (TRY(has_ledger(*connection)))
        return {};
    // One string is one transaction.
    return connection->execute(postgres_schema().c_str());
}

Result<std::unique_ptr<Ledger>> open_postgres_ledger(const std::string &uri) {
    const auto connection = TRY(PostgresConnection::open(uri));
    TRY(check_version(*connection));
    return std::make_unique<PostgresLedger>(uri);
}

} // namespace ledger
