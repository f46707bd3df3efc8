#include "control/metrics.hpp"

#include <cmath>
#include <fmt/format.h>
#include <iterator>

namespace control {

namespace {

constexpr std::size_t k_most_codes = 256; // there are some 60

template <typename... A> void line(std::string &out, fmt::format_string<A...> format, A &&...args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<A>(args)...);
    out += '\n';
}

void head(std::string &out, std::string_view type, std::string_view name, std::string_view help) {
    line(out, "# HELP {} {}.\n# TYPE {} {}", name, help, name, type);
}

// Its lines; @p labels ends with a comma.
void show(std::string &out, std::string_view name, const std::string &labels, const Histogram &h) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < Histogram::k_bounds.size(); ++i) {
        count += h.counts.at(i);
        line(out, "{}_bucket{{{}le=\"{}\"}} {}", name, labels, Histogram::k_bounds.at(i), count);
    }
    count += h.counts.back();
    line(out, "{}_bucket{{{}le=\"+Inf\"}} {}", name, labels, count);
    const std::string_view bare{labels.data(), labels.size() - 1};
    line(out, "{}_sum{{{}}} {:.6f}", name, bare, h.sum_s);
    line(out, "{}_count{{{}}} {}", name, bare, count);
}

// Whole numbers in full: shortest form would make 17e9 of bytes.
std::string text_of(double value) {
    return value == std::floor(value) && std::abs(value) < 1e15 ? fmt::format("{:.0f}", value)
                                                                : fmt::format("{}", value);
}

std::string_view text_of(Metrics::Kept kept) {
    return kept == Metrics::Kept::done      ? "done"
           : kept == Metrics::Kept::refused ? "refused"
                                            : "failed";
}

} // namespace

void Histogram::add(Elapsed took) {
    const double seconds = std::chrono::duration<double>(took).count();
    std::size_t i = 0;
    while (i < k_bounds.size() && seconds > k_bounds.at(i))
        ++i;
    ++counts.at(i);
    sum_s += seconds;
}

void Metrics::answered(std::string_view method, std::string_view route, int status, Elapsed took) {
    const std::scoped_lock lock{m_mutex};
    ++m_requests[{{route, method}, status}];
    m_durations[{route, method}].add(took);
}

void Metrics::refused(const std::string &code) {
    const std::scoped_lock lock{m_mutex};
    const bool room = m_refusals.size() < k_most_codes || m_refusals.contains(code);
    ++m_refusals[room ? code : "other"];
}

void Metrics::changed(std::string_view route) {
    const std::scoped_lock lock{m_mutex};
    ++m_changes[route];
}

void Metrics::transaction(bool write, Kept kept, Elapsed took) {
    const std::scoped_lock lock{m_mutex};
    ++m_transactions[{write, kept}];
    m_transaction_durations.at(write ? 1 : 0).add(took);
}

void Metrics::add(std::string_view type, std::string name, std::string help, Value value,
                  std::string labels) {
    const std::scoped_lock lock{m_mutex};
    m_watched.push_back(
        {type, std::move(name), std::move(help), std::move(labels), std::move(value)});
}

std::string Metrics::text() const {
    std::string out = counted();
    std::string_view former;
    for (const Watched &w : m_watched) { // without the lock: they may count something themselves
        const auto value = w.value();
        if (!value)
            continue;
        if (w.name != former)
            head(out, w.type, w.name, w.help);
        former = w.name;
        const std::string labels = w.labels.empty() ? "" : "{" + w.labels + "}";
        line(out, "{}{} {}", w.name, labels, text_of(*value));
    }
    return out;
}

std::string Metrics::counted() const {
    std::string out;
    const std::scoped_lock lock{m_mutex};
    head(out, "counter", "slotcast_control_requests_total", "Requests that were answered");
    for (const auto &[key, count] : m_requests)
        line(out, R"(slotcast_control_requests_total{{route="{}",method="{}",status="{}"}} {})",
             key.first.first, key.first.second, key.second, count);
    constexpr std::string_view took = "slotcast_control_request_duration_seconds";
    head(out, "histogram", took, "From a request read whole to its answer; feeds wait on purpose");
    for (const auto &[route, histogram] : m_durations)
        show(out, took, fmt::format(R"(route="{}",method="{}",)", route.first, route.second),
             histogram);
    head(out, "counter", "slotcast_control_refusals_total", "Refusals, by the problem's code");
    for (const auto &[code, count] : m_refusals)
        line(out, R"(slotcast_control_refusals_total{{code="{}"}} {})", code, count);
    head(out, "counter", "slotcast_control_changes_total",
         "Changes that were kept, without repeated answers");
    for (const auto &[route, count] : m_changes)
        line(out, R"(slotcast_control_changes_total{{route="{}"}} {})", route, count);
    head(out, "counter", "slotcast_control_ledger_transactions_total",
         "Transactions of the ledger");
    for (const auto &[key, count] : m_transactions)
        line(out, R"(slotcast_control_ledger_transactions_total{{kind="{}",outcome="{}"}} {})",
             key.first ? "write" : "read", text_of(key.second), count);
    constexpr std::string_view kept = "slotcast_control_ledger_transaction_duration_seconds";
    head(out, "histogram", kept,
         "From asking for a transaction to its end; writes are durable then");
    show(out, kept, R"(kind="read",)", m_transaction_durations.at(0));
    show(out, kept, R"(kind="write",)", m_transaction_durations.at(1));
    return out;
}

} // namespace control
