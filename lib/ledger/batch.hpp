// Several works in one transaction of a database, each undone alone when it fails. What they ask
// for is answered from memory where that is known, and what they write goes to the database
// together: a booking has hardly a statement of its own.
#pragma once

#include "ledger/answer_maker.hpp"
#include "ledger/draft.hpp"
#include "ledger/group_writer.hpp"
#include "ledger/mirror.hpp"
#include "ledger/occupancy.hpp"

#include <map>

namespace ledger {

/// What the one writer of a process remembers from batch to batch, while nobody else writes.
struct WriterMemory {
    std::int64_t serial = -1; ///< of writes, when it was true; -1: nothing is known
    std::map<seal::KeyId, Party> by_key;
    std::map<std::string, Party, std::less<>> by_name;
    std::int64_t longest = -1; ///< anything ever took, as far as is known

    void forget_parties() {
        by_key.clear();
        by_name.clear();
    }
};

/// One transaction, which its owner begins and ends. Used by one thread.
class Batch {
  public:
    /// What there is in a process for its writer.
    struct Ground {
        WriterMemory &memory;
        AnswerMaker &answers;
        Mirror &mirror;
    };
    /// Whether the database refuses to take what an expired hold has.
    enum class DeadHolds { harmless, in_the_way };

    Batch(Sql &sql, const Ground &ground, DeadHolds holds)
        : m_sql(sql), m_memory(ground.memory), m_answers(ground.answers), m_mirror(ground.mirror),
          m_dead_holds(holds), m_flushing(*this) {}
    Batch(const Batch &) = delete;
    Batch &operator=(const Batch &) = delete;
    ~Batch() = default;

    /// Sees what others wrote. After this none of them writes until the end.
    [[nodiscard]] base::Result<void> begin();
    /// Looks for the answers that @p jobs will ask for, all at once.
    [[nodiscard]] base::Result<void> look_ahead(std::span<const Job> jobs);
    /// Runs @p job and fills its result. An error is one of the transaction: all of it is lost.
    /// @p alive says whether the database still has the transaction.
    [[nodiscard]] base::Result<void> run(Job &job,
                                         const std::function<base::Result<void>()> &alive);
    /// Has the database write all that is left. The owner commits then.
    [[nodiscard]] base::Result<void> finish();

    /// Of the finished batch: the serial of writes that it leaves, if it wrote anything.
    [[nodiscard]] std::optional<std::int64_t> serial() const {
        return m_wrote ? std::optional(m_serial + 1) : std::nullopt;
    }
    [[nodiscard]] DemandChanges take_changes() { return std::move(m_changes); }
    /// True when a feed has a new entry, once this is committed.
    [[nodiscard]] bool feed_changed() const { return m_feed_changed; }
    /// It was committed, or not: what is remembered then.
    void committed();
    void lost();

  private:
    friend class BatchTransaction;

    // For statements that see, or come after, what is still a draft.
    class FlushingSql final : public Sql {
      public:
        explicit FlushingSql(Batch &batch) : m_batch(batch) {}
        base::Result<std::unique_ptr<Rows>> query_with(std::string_view sql,
                                                       Values values) override;
        base::Result<void> run_with(std::string_view sql, Values values) override;

      private:
        Batch &m_batch;
    };

    // What one work did, until it has ended well.
    struct Doing {
        Draft draft;
        DemandChanges changes;
        std::map<std::string, std::int64_t> feeds;
        bool saved = false; // there is a savepoint: something of it was written
        bool wrote = false;
        bool parties = false;
    };
    base::Result<void> settle(bool writes);
    base::Result<void> write_all(bool writes);
    base::Result<void> flush(Draft &draft);
    base::Result<void> remove_dead_holds();
    base::Result<void> undo(std::size_t answers);
    base::Result<void> keep();
    base::Result<std::vector<StoredAnswer>> made_answers();
    base::Result<std::int64_t> next_serial(const std::string &feed);
    void add_changes(resv::Timetable &taken, const std::vector<std::string> &resources,
                     resv::Span span, base::UtcTime now) const;

    Sql &m_sql;
    WriterMemory &m_memory;
    AnswerMaker &m_answers;
    Mirror &m_mirror;
    const DeadHolds m_dead_holds;
    std::int64_t m_serial = 0; // before this
    std::map<std::string, std::int64_t> m_feeds;
    std::map<std::string, std::int64_t> m_new_feeds; // to be written
    std::map<AnswerKey, std::optional<StoredAnswer>> m_foreseen;
    Draft m_draft; // of works that ended well
    DemandChanges m_changes;
    std::optional<base::UtcTime> m_dead_by; // holds that expired by then are to go
    Doing m_doing;
    FlushingSql m_flushing;
    base::Result<void> m_good; // or why the transaction is lost
    bool m_wrote = false;
    bool m_feed_changed = false;
};

} // namespace ledger
