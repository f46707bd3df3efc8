// When those who wait hear that what they wrote is durable.
#include "ledger/sqlite_sync.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <semaphore>

namespace {

using base::Result;
using ledger::Job;
using ledger::SqliteSync;

struct Waiting {
    std::vector<Job> group;
    std::future<Result<void>> done;
};

Waiting one(Result<void> result = {}) {
    Waiting out;
    out.group.push_back({.work = nullptr, .about = {}, .result = std::move(result), .done = {}});
    out.done = out.group.front().done.get_future();
    return out;
}

bool is_over(std::future<Result<void>> &done) {
    return done.wait_for(base::Millis{20}) == std::future_status::ready;
}

// A disk that does what it is asked for only when it is let.
struct Disk {
    std::counting_semaphore<> let{0};
    std::atomic<int> asked = 0;
    std::atomic<bool> broken = false;

    SqliteSync::Sync sync() {
        return [this]() -> Result<void> {
            ++asked;
            let.acquire();
            if (broken)
                return base::fail(base::Errc::io, "broken");
            return {};
        };
    }
};

} // namespace

TEST_CASE("ledger: a job is over when its commit is durable, and not before") {
    Disk disk;
    SqliteSync sync{disk.sync()};
    Waiting first = one();
    sync.committing();
    sync.finish(std::move(first.group), 1);
    CHECK_FALSE(is_over(first.done));
    Waiting second = one(base::fail(base::Errc::refused, "no"));
    sync.committing();
    sync.finish(std::move(second.group), 2);
    CHECK_FALSE(is_over(second.done));
    disk.let.release();
    CHECK(first.done.get().has_value());
    CHECK_FALSE(is_over(second.done));
    disk.let.release();
    CHECK(second.done.get().error().code == base::Errc::refused);
    // What changed nothing has nothing to wait for.
    Waiting third = one();
    sync.finish(std::move(third.group), 2);
    CHECK(third.done.get().has_value());
    CHECK(disk.asked == 2);
}

TEST_CASE("ledger: what is being committed counts for readers, unless it is not in the end") {
    Disk disk;
    SqliteSync sync{disk.sync()};
    CHECK(sync.wait().has_value());
    sync.committing();
    auto reader = std::async(std::launch::async, [&] { return sync.wait(); });
    CHECK_FALSE(is_over(reader));
    sync.not_committed();
    CHECK(reader.get().has_value());
    sync.committing();
    auto other = std::async(std::launch::async, [&] { return sync.wait(); });
    Waiting job = one();
    sync.finish(std::move(job.group), 1);
    CHECK_FALSE(is_over(other));
    disk.let.release();
    CHECK(other.get().has_value());
}

TEST_CASE("ledger: after a disk failed to keep something, nothing is called kept any more") {
    Disk disk;
    disk.broken = true;
    disk.let.release();
    SqliteSync sync{disk.sync()};
    Waiting first = one();
    sync.committing();
    sync.finish(std::move(first.group), 1);
    CHECK(first.done.get().error().code == base::Errc::io);
    disk.broken = false; // the next call may well succeed: what was lost stays lost
    Waiting second = one();
    sync.committing();
    sync.finish(std::move(second.group), 2);
    CHECK(second.done.get().error().code == base::Errc::io);
    CHECK(disk.asked == 1);
    CHECK(sync.wait().error().code == base::Errc::io);
    CHECK(sync.verdict().error().code == base::Errc::io);
}

TEST_CASE("ledger: at its end all that was given is told") {
    Waiting job = one();
    {
        SqliteSync sync{[]() -> Result<void> { return {}; }};
        sync.committing();
        sync.finish(std::move(job.group), 1);
    }
    CHECK(job.done.get().has_value());
}
