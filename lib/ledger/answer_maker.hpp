// Answers that are made beside the works of a group, and kept at its end.
#pragma once

#include "ledger/ledger.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

namespace ledger {

/// Sealing and signing take as long as all that a booking asks of a database; nobody else's work
/// has to wait for that. Used by one thread, which has others of its own do it.
class AnswerMaker {
  public:
    AnswerMaker();
    AnswerMaker(const AnswerMaker &) = delete;
    AnswerMaker &operator=(const AnswerMaker &) = delete;
    ~AnswerMaker();

    void add(const std::string &by, const std::string &key, Transaction::MakeAnswer make);
    /// The one of @p by and @p key that is not taken yet, as soon as it is made; null: there is
    /// none.
    [[nodiscard]] const StoredAnswer *find(const std::string &by, const std::string &key);

    /// How many were added and not taken yet.
    [[nodiscard]] std::size_t size() const { return m_items.size(); }
    /// Forgets those that came after the first @p count. None of them runs any more.
    void keep(std::size_t count);
    /// Makes all of them, and forgets them. Throws what making one threw.
    [[nodiscard]] std::vector<StoredAnswer> take_all();

  private:
    struct Item {
        std::string by;
        std::string key;
        Transaction::MakeAnswer make;
        enum class State { waits, runs, done } state = State::waits;
        StoredAnswer made;
        std::exception_ptr thrown;
    };
    void run(Item &item, std::unique_lock<std::mutex> &lock);
    void await(const Item &item, std::unique_lock<std::mutex> &lock);
    void finish(Item &item);
    void loop();

    std::mutex m_mutex;
    std::condition_variable m_added;
    std::condition_variable m_done;
    std::deque<Item> m_items; // changed by its user alone; the state of each by whoever runs it
    std::size_t m_idle = 0;   // threads that wait for one
    bool m_awaited = false;   // the user waits for one
    bool m_stop = false;
    std::vector<std::thread> m_threads; // last: they use all of the above
};

} // namespace ledger
