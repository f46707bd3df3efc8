// How many descriptors this process may open, and who gets them: viewers must never take the ones
// that live media needs.
#pragma once

#include <cstddef>

namespace relay {

/// Raises this process's limit of open descriptors as far as the system lets it. Returns the limit.
/// What it starts inherits it.
std::size_t raise_descriptor_limit();

/// How many of @p wanted connections fit under @p limit descriptors, when enough of them are kept
/// for extents, @p carriers ingest processes, @p workers and the conversations with control. At
/// least 1.
[[nodiscard]] std::size_t connections_within(std::size_t limit, std::size_t wanted,
                                             std::size_t carriers, std::size_t workers);

/// How many pipes each of @p workers may keep (see Fanout) under @p limit descriptors.
[[nodiscard]] std::size_t pipes_within(std::size_t limit, std::size_t workers);

/// True when @p error_number (errno) says that this machine is short of something now: not the
/// fault of who asked, and worth another try later.
[[nodiscard]] bool is_shortage(int error_number);

} // namespace relay
