// What is taken, in memory beside a database, in step with what is committed to it.
#pragma once

#include "base/result.hpp"
#include "ledger/occupancy.hpp"
#include "ledger/sql.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace ledger {

/// The serial of what is written, in the ledger's `serials`: raised by each batch that wrote
/// anything. It tells that another process did.
extern const std::string_view k_read_serial;

/// Mirror::ReadAll within a transaction that reads.
[[nodiscard]] base::Result<std::int64_t>
read_demands(Sql &sql, const std::function<bool(const DemandRow &)> &take);

/// Filled from the ledger by a thread of its own when it is first asked, fed by the one writer of
/// this process, and filled anew when another process wrote. Thread-safe.
class Mirror {
  public:
    /// Told each row of demands; false when no more are wanted.
    using Take = std::function<bool(const DemandRow &)>;
    /// Tells all rows of one snapshot, and what its serial is.
    using ReadAll = std::function<base::Result<std::int64_t>(const Take &)>;

    explicit Mirror(ReadAll read_all)
        : m_read_all(std::move(read_all)), m_thread([this] { loop(); }) {}
    Mirror(const Mirror &) = delete;
    Mirror &operator=(const Mirror &) = delete;
    ~Mirror();

    /// For the writer, in order: it is about to commit, and then what came of that.
    void committing();
    void committed(std::int64_t serial, DemandChanges changes);
    void not_committed();

    /// See Occupancy::taken(): of all that was committed up to @p serial, and maybe later. Nothing
    /// while it does not know that: ask the file.
    [[nodiscard]] std::optional<resv::Timetable> taken(std::int64_t serial,
                                                       const std::vector<std::string> &resources,
                                                       resv::Span span, base::UtcTime now);

  private:
    struct Contents {
        std::int64_t serial = 0; // all up to that
        Occupancy occupancy;
        [[nodiscard]] bool take(std::int64_t next, const DemandChanges &changes);
    };
    void loop();
    [[nodiscard]] base::Result<Contents> read_all() const;

    const ReadAll m_read_all;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::optional<Contents> m_contents;
    bool m_wanted = false;
    bool m_filling = false;
    std::vector<std::pair<std::int64_t, DemandChanges>> m_meanwhile; // while filling
    bool m_committing = false;
    std::atomic<bool> m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

} // namespace ledger
