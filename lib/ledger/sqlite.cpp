#include "ledger/sqlite.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "ledger/batch.hpp"
#include "ledger/sql_transaction.hpp"
#include "ledger/sqlite_check.hpp"
#include "ledger/sqlite_checkpoint.hpp"
#include "ledger/sqlite_db.hpp"
#include "ledger/sqlite_schema.hpp"
#include "ledger/sqlite_sync.hpp"
#include "ledger/sqlite_watch.hpp"

#include <fcntl.h>
#include <mutex>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

namespace ledger {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;

namespace {

constexpr base::Millis k_to_the_end = std::chrono::hours{24};
constexpr std::int64_t k_application = 0x53434c47;

Result<void> commit(Database &db, Batch &batch, Mirror &mirror, SqliteSync &sync) {
    const auto serial = batch.serial();
    sync.committing();
    if (serial)
        mirror.committing();
    auto done = db.run("COMMIT");
    if (!done)
        sync.not_committed();
    if (!serial)
        return done;
    if (done)
        mirror.committed(*serial, batch.take_changes());
    else
        mirror.not_committed();
    return done;
}

// All jobs in one transaction. An error of the transaction itself is every job's error.
Result<void> run_batch(Database &db, Batch &batch, std::span<Job> jobs) {
    TRY(db.run("BEGIN IMMEDIATE"));
    TRY(batch.begin());
    const auto alive = [&db]() -> Result<void> {
        if (db.in_transaction())
            return {};
        return base::fail(Errc::io, "ledger: the transaction was lost");
    };
    for (Job &job : jobs)
        TRY(batch.run(job, alive));
    return batch.finish();
}

// Reads what is taken from memory when that knows it.
class SqliteRead final : public SqlTransaction {
  public:
    SqliteRead(Database &db, Mirror &mirror) : SqlTransaction(db), m_db(db), m_mirror(mirror) {}

    Result<resv::Timetable> taken(const std::vector<std::string> &resources, resv::Span span,
                                  base::UtcTime now,
                                  const std::optional<base::Id> &except) override {
        if (!except) {
            const auto serial = TRY(m_db.number(k_read_serial)).value_or(0);
            if (auto known = m_mirror.taken(serial, resources, span, now))
                return *std::move(known);
        }
        return SqlTransaction::taken(resources, span, now, except);
    }

  private:
    Database &m_db;
    Mirror &m_mirror;
};

class SqliteLedger final : public Ledger {
  public:
    SqliteLedger(const fs::path &path, Database writer, Database reader, Database checkpointer,
                 SqliteSync::Sync sync, std::unique_ptr<SqliteCheck> check)
        : m_path(path), m_mirror([path](const Mirror::Take &take) -> Result<std::int64_t> {
              auto db = TRY(Database::open(path, Database::Mode::existing));
              TRY(db.execute("BEGIN"));
              return read_demands(db, take);
          }),
          m_checkpoint(std::move(checkpointer)), m_database(std::move(writer)),
          m_reader(std::move(reader)), m_check(std::move(check)), m_sync(std::move(sync)),
          m_writer([this](std::vector<Job> group) { write_group(std::move(group)); }) {
        m_database.keep_log();
    }

    Result<void> write(const Work &work) override {
        TRY(whole());
        return m_writer.write(work);
    }

    Result<void> read(const Work &work) override {
        TRY(peek(work));
        return m_sync.wait();
    }

    Result<void> peek(const Work &work) override {
        TRY(whole());
        const std::scoped_lock lock{m_reader_mutex};
        TRY(m_reader.run("BEGIN"));
        SqliteRead transaction{m_reader, m_mirror};
        auto result = work(transaction);
        if (m_reader.in_transaction())
            TRY(m_reader.run("ROLLBACK"));
        return result;
    }

    [[nodiscard]] std::unique_ptr<Watch> watch(const std::function<void()> &changed) override {
        auto db = Database::open(m_path, Database::Mode::existing);
        if (db)
            return std::make_unique<SqliteWatch>(*std::move(db), changed);
        base::log::error("{}; what other commands change, relays hear late", db.error().message);
        return nullptr;
    }

  private:
    // As far as that is known.
    [[nodiscard]] Result<void> whole() {
        TRY(m_sync.verdict());
        return m_check ? m_check->verdict() : Result<void>{};
    }

    void write_group(std::vector<Job> group) {
        Batch batch{m_database, {m_memory, m_answers, m_mirror}, Batch::DeadHolds::harmless};
        auto committed = run_batch(m_database, batch, group);
        if (committed)
            committed = commit(m_database, batch, m_mirror, m_sync);
        if (committed) {
            batch.committed();
            m_sync.finish(std::move(group), m_database.commits());
            return m_checkpoint.after_commit(m_database);
        }
        if (m_database.in_transaction())
            (void)m_database.execute("ROLLBACK"); // the first error is the one to report
        batch.lost();
        if (committed.error().code == Errc::bug && group.size() > 1)
            return write_alone(std::move(group)); // somebody's mistake, for which the others wait
        for (Job &job : group)
            job.result = committed;
        tell(std::move(group));
    }

    void write_alone(std::vector<Job> group) {
        for (Job &job : group) {
            std::vector<Job> alone;
            alone.push_back(std::move(job));
            write_group(std::move(alone));
        }
    }

    const fs::path m_path;
    Mirror m_mirror;
    SqliteCheckpoint m_checkpoint;
    Database m_database; // the writer's
    std::mutex m_reader_mutex;
    Database m_reader;
    std::unique_ptr<SqliteCheck> m_check; // null: not asked for
    SqliteSync m_sync;
    AnswerMaker m_answers;
    WriterMemory m_memory;
    GroupWriter m_writer; // last: it uses the above
};

Result<void> check_kind(Database &db, const fs::path &path) {
    const auto application = TRY(db.number("PRAGMA application_id"));
    const auto version = TRY(db.number("PRAGMA user_version"));
    if (application != k_application)
        return base::fail(Errc::bad_data, "ledger {}: not a ledger of Slotcast", path.native());
    if (version != k_ledger_version)
        return base::fail(Errc::bad_data, "ledger {}: version {}, this program knows {}",
                          path.native(), version.value_or(0), k_ledger_version);
    return {};
}

// sqlite3 keeps these beside the database while it is open.
void remove_leftovers(const fs::path &path) {
    for (const char *suffix : {"", "-wal", "-shm", "-journal"})
        (void)base::remove_file(path.native() + suffix);
}

// What others own or may write could tell us anything; what they may read is other people's events.
Result<void> check_private(const fs::path &path) {
    for (const char *suffix : {"", "-wal", "-shm", "-journal"}) {
        const std::string part = path.native() + suffix;
        struct stat info{};
        if (::lstat(part.c_str(), &info) != 0)
            continue; // sqlite3 says what it misses
        if (!S_ISREG(info.st_mode))
            return base::fail(Errc::bad_data, "ledger {}: not a regular file", part);
        if (info.st_uid != ::geteuid())
            return base::fail_hint(Errc::not_permitted, "run resv-control as its owner",
                                   "ledger {}: it belongs to another user", part);
        if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
            return base::fail_hint(Errc::not_permitted, "chmod 600 " + part,
                                   "ledger {}: its mode lets others in", part);
    }
    return {};
}

// Of the log: while there are connections, it is always the same file.
Result<SqliteSync::Sync> sync_of(const fs::path &path) {
    const std::string log = path.native() + "-wal";
    auto fd = std::make_shared<base::Fd>(::open(log.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!*fd)
        return base::fail_errno("open", log);
    return [fd = std::move(fd), log]() -> Result<void> {
        if (::fdatasync(fd->get()) != 0)
            return base::fail_hint(Errc::io, "see the kernel's log; then start it again",
                                   "ledger {}: what was written may not be on the disk: {}", log,
                                   base::errno_text(errno));
        return {};
    };
}

Result<void> fill(const fs::path &path) {
    const base::Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!fd)
        return base::fail_errno("create", path.native());
    auto db = TRY(Database::open(path, Database::Mode::create));
    TRY(db.run("BEGIN IMMEDIATE"));
    TRY(db.execute(k_sqlite_schema));
    return db.run("COMMIT"); // closing writes the log back and removes it
}

} // namespace

Result<void> create_sqlite_ledger(const fs::path &path) {
    const fs::path temp = path.native() + ".new";
    remove_leftovers(temp); // of an init that was killed
    auto made = fill(temp);
    // link(2), unlike rename(2), never replaces a ledger that came meanwhile.
    if (made && ::link(temp.c_str(), path.c_str()) != 0)
        made = base::fail_errno("create", path.native());
    remove_leftovers(temp);
    return made;
}

Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const fs::path &path, Verify verify,
                                                   base::Millis patience) {
    TRY(check_private(path));
    auto writer = TRY(Database::open(path, Database::Mode::existing));
    TRY(check_kind(writer, path));
    auto reader = TRY(Database::open(path, Database::Mode::existing));
    std::unique_ptr<SqliteCheck> check;
    if (verify != Verify::no) {
        check = std::make_unique<SqliteCheck>(TRY(Database::open(path, Database::Mode::existing)),
                                              path.native());
        TRY(check->verdict(verify == Verify::yes ? k_to_the_end : patience));
    }
    auto checkpointer = TRY(Database::open(path, Database::Mode::existing));
    // SqliteSync does that, beside the next transaction.
    TRY(writer.execute("PRAGMA synchronous = NORMAL"));
    auto sync = TRY(sync_of(path));
    return std::make_unique<SqliteLedger>(path, std::move(writer), std::move(reader),
                                          std::move(checkpointer), std::move(sync),
                                          std::move(check));
}

} // namespace ledger
