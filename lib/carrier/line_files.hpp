// The files of a line whose program is one of ours, or runs one: what it logs, what it was granted.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

[[nodiscard]] std::filesystem::path line_log(const std::filesystem::path &folder,
                                             const std::string &carrier);
/// A new one, to write to; an older one goes.
[[nodiscard]] base::Result<base::Fd> make_line_log(const std::filesystem::path &folder,
                                                   const std::string &carrier);

/// Removes what was half written of a line's files when a program was killed. Call it when none of
/// the line's programs runs.
[[nodiscard]] base::Result<void> remove_half_written(const std::filesystem::path &folder,
                                                     const std::string &carrier);

/// Of a line that is absent: the last error in its log, with its hint.
[[nodiscard]] LineLook said_in_log(const std::filesystem::path &folder, const std::string &carrier);
/// The last `PROGRAM: error: …` of @p log, or its last line; plain text.
[[nodiscard]] std::string last_error(std::string_view log);
/// The last `PROGRAM: hint: …` of it, or empty.
[[nodiscard]] std::string last_hint(std::string_view log);

/// Whether the line was granted addresses, and its interface is up and has them.
[[nodiscard]] base::Result<bool> has_grant(LineWorld &world, const CarrierState &state);
/// Of a line that has no addresses while its program runs: @p file, which that wrote when it had
/// them, is there since a moment, so that they were taken away, which programs do not see.
[[nodiscard]] LineLook lost_or_coming(const std::filesystem::path &file);
/// The gateways of its grant.
[[nodiscard]] base::Result<Gateways> granted_gateways(const std::filesystem::path &folder,
                                                      const CarrierState &state);

} // namespace carrier
