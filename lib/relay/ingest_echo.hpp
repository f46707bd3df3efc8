// The keyed UDP echo beside an ingest address, by which terminals tell whether a carrier works.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "conf/address.hpp"
#include "seal/secret.hpp"

#include <thread>

namespace relay {

/// Answers from a thread of its own, so that the time it takes is the network's and not ours.
class IngestEcho {
  public:
    /// At most this many answers a second, whoever asks; more questions are dropped.
    static constexpr int k_answers_per_second = 1000;

    /// Binds to @p at and starts. unavailable when that is not this machine's address.
    [[nodiscard]] static base::Result<IngestEcho> start(const conf::Address &at, seal::Secret key);
    IngestEcho(IngestEcho &&) = default;
    IngestEcho &operator=(IngestEcho &&) = delete;
    IngestEcho(const IngestEcho &) = delete;
    IngestEcho &operator=(const IngestEcho &) = delete;
    /// Ends the thread.
    ~IngestEcho();

  private:
    IngestEcho(base::Fd stop, std::thread thread)
        : m_stop(std::move(stop)), m_thread(std::move(thread)) {}
    base::Fd m_stop; // eventfd
    std::thread m_thread;
};

} // namespace relay
