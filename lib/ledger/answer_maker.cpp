#include "ledger/answer_maker.hpp"

#include <algorithm>

namespace ledger {

AnswerMaker::AnswerMaker() {
    constexpr unsigned k_most = 3;
    const unsigned cores = std::thread::hardware_concurrency();
    for (unsigned i = 0; i < std::clamp(cores, 2U, k_most + 1) - 1; ++i)
        m_threads.emplace_back([this] { loop(); });
}

AnswerMaker::~AnswerMaker() {
    keep(0);
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_added.notify_all();
    for (std::thread &thread : m_threads)
        thread.join();
}

void AnswerMaker::add(const std::string &by, const std::string &key, Transaction::MakeAnswer make) {
    bool idle = false;
    {
        const std::scoped_lock lock{m_mutex};
        m_items.push_back(
            {.by = by, .key = key, .make = std::move(make), .made = {}, .thrown = {}});
        idle = m_idle > 0;
    }
    if (idle)
        m_added.notify_one();
}

// Called with the lock, which is free meanwhile.
void AnswerMaker::run(Item &item, std::unique_lock<std::mutex> &lock) {
    item.state = Item::State::runs;
    lock.unlock();
    try {
        item.made = item.make();
    } catch (...) {
        item.thrown = std::current_exception();
    }
    lock.lock();
    item.state = Item::State::done;
    if (m_awaited)
        m_done.notify_one();
}

// Until nobody runs it.
void AnswerMaker::await(const Item &item, std::unique_lock<std::mutex> &lock) {
    m_awaited = true;
    m_done.wait(lock, [&] { return item.state != Item::State::runs; });
    m_awaited = false;
}

// Does it when nobody has begun.
void AnswerMaker::finish(Item &item) {
    std::unique_lock lock{m_mutex};
    if (item.state == Item::State::waits)
        run(item, lock);
    await(item, lock);
}

const StoredAnswer *AnswerMaker::find(const std::string &by, const std::string &key) {
    const auto found = std::ranges::find_if(
        m_items, [&](const Item &item) { return item.by == by && item.key == key; });
    if (found == m_items.end())
        return nullptr;
    finish(*found);
    if (found->thrown)
        std::rethrow_exception(found->thrown);
    return &found->made;
}

void AnswerMaker::keep(std::size_t count) {
    std::unique_lock lock{m_mutex};
    while (m_items.size() > count) {
        await(m_items.back(), lock);
        m_items.pop_back();
    }
}

std::vector<StoredAnswer> AnswerMaker::take_all() {
    std::vector<StoredAnswer> out;
    out.reserve(m_items.size());
    for (Item &item : m_items) {
        finish(item);
        if (item.thrown)
            std::rethrow_exception(item.thrown);
        out.push_back(std::move(item.made));
    }
    keep(0);
    return out;
}

void AnswerMaker::loop() {
    std::unique_lock lock{m_mutex};
    for (;;) {
        Item *next = nullptr;
        ++m_idle;
        m_added.wait(lock, [&] {
            const auto found = std::ranges::find(m_items, Item::State::waits, &Item::state);
            next = found == m_items.end() ? nullptr : &*found;
            return m_stop || next != nullptr;
        });
        --m_idle;
        if (m_stop)
            return;
        run(*next, lock);
    }
}

} // namespace ledger
