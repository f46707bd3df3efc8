#include "ledger/sqlite.hpp"

#include "base/file.hpp"
#include "ledger/sql_transaction.hpp"
#include "ledger/sqlite_db.hpp"
#include "ledger/sqlite_schema.hpp"

#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <future>
#include <mutex>
#include <sys/stat.h>
#include <thread>

namespace ledger {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;

namespace {

constexpr std::int64_t k_application = 0x53434c47;
constexpr std::size_t k_group = 32;

struct Job {
    const Ledger::Work *work; // borrowed: its caller waits for the promise
    std::promise<Result<void>> done;
    Result<void> result;
};

// One job within the group's transaction, undone alone when it fails.
Result<void> run_in_savepoint(Database &db, const Ledger::Work &work) {
    TRY(db.run("SAVEPOINT job"));
    SqlTransaction transaction{db};
    Result<void> result;
    try {
        result = work(transaction);
    } catch (const std::exception &e) {
        result = base::fail(Errc::bug, "ledger: internal error: {}", e.what());
    }
    if (!result && db.in_transaction())
        TRY(db.run("ROLLBACK TO job"));
    if (db.in_transaction())
        TRY(db.run("RELEASE job"));
    return result;
}

// All jobs in one transaction. An error of the transaction itself is every job's error.
Result<void> run_group(Database &db, std::vector<Job> &jobs) {
    TRY(db.execute("BEGIN IMMEDIATE"));
    for (Job &job : jobs) {
        job.result = run_in_savepoint(db, *job.work);
        if (!db.in_transaction()) // a full disk, for one, ends it all
            return job.result ? base::fail(Errc::io, "ledger: the transaction was lost")
                              : job.result;
    }
    return db.execute("COMMIT");
}

class SqliteLedger final : public Ledger {
  public:
    SqliteLedger(Database writer, Database reader)
        : m_writer(std::move(writer)), m_reader(std::move(reader)), m_thread([this] { loop(); }) {}
    SqliteLedger(const SqliteLedger &) = delete;
    SqliteLedger &operator=(const SqliteLedger &) = delete;
    ~SqliteLedger() override {
        {
            const std::scoped_lock lock{m_mutex};
            m_stop = true;
        }
        m_wake.notify_one();
        m_thread.join();
    }

    Result<void> write(const Work &work) override {
        Job job{.work = &work, .done = {}, .result = {}};
        auto done = job.done.get_future();
        {
            const std::scoped_lock lock{m_mutex};
            m_jobs.push_back(std::move(job));
        }
        m_wake.notify_one();
        return done.get();
    }

    Result<void> read(const Work &work) override {
        const std::scoped_lock lock{m_reader_mutex};
        TRY(m_reader.execute("BEGIN"));
        SqlTransaction transaction{m_reader};
        auto result = work(transaction);
        if (m_reader.in_transaction())
            TRY(m_reader.execute("ROLLBACK"));
        return result;
    }

  private:
    void loop() {
        for (;;) {
            std::vector<Job> group;
            {
                std::unique_lock lock{m_mutex};
                m_wake.wait(lock, [this] { return m_stop || !m_jobs.empty(); });
                if (m_jobs.empty())
                    return;
                while (!m_jobs.empty() && group.size() < k_group) {
                    group.push_back(std::move(m_jobs.front()));
                    m_jobs.pop_front();
                }
            }
            const auto committed = run_group(m_writer, group);
            if (!committed && m_writer.in_transaction())
                (void)m_writer.execute("ROLLBACK"); // the first error is the one to report
            for (Job &job : group)
                if (committed)
                    job.done.set_value(std::move(job.result));
                else
                    job.done.set_value(committed);
        }
    }

    Database m_writer; // the thread's
    std::mutex m_reader_mutex;
    Database m_reader;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Job> m_jobs;
    bool m_stop = false;
    std::thread m_thread; // last: it uses all of the above
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

Result<void> check_whole(Database &db, const fs::path &path) {
    auto rows = TRY(db.query("PRAGMA quick_check(1)"));
    if (TRY(rows->next()) && rows->text(0) != "ok")
        return base::fail_hint(Errc::bad_data,
                               "restore it from a backup; sqlite3 FILE .recover may help",
                               "ledger {}: damaged: {}", path.native(), rows->text(0));
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

Result<void> fill(const fs::path &path) {
    const base::Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!fd)
        return base::fail_errno("create", path.native());
    auto db = TRY(Database::open(path, Database::Mode::create));
    TRY(db.execute("BEGIN IMMEDIATE"));
    TRY(db.execute(k_sqlite_schema));
    return db.execute("COMMIT"); // closing writes the log back and removes it
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

Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const fs::path &path, Verify verify) {
    TRY(check_private(path));
    auto writer = TRY(Database::open(path, Database::Mode::existing));
    TRY(check_kind(writer, path));
    if (verify == Verify::yes)
        TRY(check_whole(writer, path));
    auto reader = TRY(Database::open(path, Database::Mode::existing));
    return std::make_unique<SqliteLedger>(std::move(writer), std::move(reader));
}

} // namespace ledger
