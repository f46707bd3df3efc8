// One piece of memory that media lies in: a memfd of fixed size that an ingest child fills and the
// kernel sends from. Never written twice: sendfile(2) keeps references to its pages until the ACK.
// A file of a recording is one too.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <memory>

namespace relay {

class Extent;
using ExtentPtr = std::shared_ptr<const Extent>;

/// Immutable as an object, so shared between threads; the bytes below what the child reported as
/// ready no longer change (a hostile child could change them, but neither move nor shorten them).
class Extent {
  public:
    static constexpr std::int64_t k_bytes = std::int64_t{8} << 20;

    /// A memfd of @p bytes, sealed against shrinking, growing and further seals. Its pages are
    /// taken when they are written, so one in reserve costs nothing.
    [[nodiscard]] static base::Result<ExtentPtr> make(std::int64_t bytes = k_bytes);

    Extent(base::Fd fd, std::int64_t bytes);
    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] std::int64_t bytes() const { return m_bytes; }
    /// No other extent of this process has it, or had it.
    [[nodiscard]] std::uint64_t serial() const { return m_serial; }

  private:
    base::Fd m_fd;
    std::int64_t m_bytes;
    std::uint64_t m_serial;
};

} // namespace relay
