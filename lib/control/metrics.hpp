// What control counts of itself, in Prometheus' text format (version 0.0.4).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace control {

constexpr std::string_view k_metrics_type = "text/plain; version=0.0.4";

using Elapsed = std::chrono::steady_clock::duration;

/// How long something took, in fixed buckets. Not thread-safe.
struct Histogram {
    static constexpr auto k_bounds = std::to_array<double>(
        {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30});
    std::array<std::uint64_t, k_bounds.size() + 1> counts{}; ///< the last: longer than all bounds
    double sum_s = 0;

    void add(Elapsed took);
};

/// Thread-safe. Labels are the router's patterns, methods, statuses and codes, never what a client
/// made up: the number of series is bounded.
class Metrics {
  public:
    enum class Kept { done, refused, failed };

    /// A request that a handler answered. @p method and @p route are the router's ("other" where it
    /// has none) and outlive this, as do the texts below.
    void answered(std::string_view method, std::string_view route, int status, Elapsed took);
    void refused(const std::string &code);
    /// A change that was kept, not the answer to its repetition.
    void changed(std::string_view route);
    void transaction(bool write, Kept kept, Elapsed took);

    /// A number that is asked for when somebody looks; nullopt: not now. @p labels is empty or
    /// `a="b"`. Add all of one name one after the other, all before text() is first called.
    using Value = std::function<std::optional<double>()>;
    void add(std::string_view type, std::string name, std::string help, Value value,
             std::string labels = {});

    /// All of it. Calls the values.
    [[nodiscard]] std::string text() const;

  private:
    struct Watched {
        std::string_view type;
        std::string name;
        std::string help;
        std::string labels;
        Value value;
    };
    using Route = std::pair<std::string_view, std::string_view>; // and its method

    [[nodiscard]] std::string counted() const;

    mutable std::mutex m_mutex;
    std::map<std::pair<Route, int>, std::uint64_t> m_requests;
    std::map<Route, Histogram> m_durations;
    std::map<std::string, std::uint64_t> m_refusals;
    std::map<std::string_view, std::uint64_t> m_changes;
    std::map<std::pair<bool, Kept>, std::uint64_t> m_transactions;
    std::array<Histogram, 2> m_transaction_durations; // of reading, of writing
    std::vector<Watched> m_watched;
};

/// Adds what Prometheus' own libraries tell of a process: memory, processor time, descriptors,
/// start.
void watch_process(Metrics &metrics);

} // namespace control
