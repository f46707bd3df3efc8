// What push-stream can read.
#pragma once

#include "base/result.hpp"
#include "media/gst_input.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace push {

/// INPUT of the command line.
struct InputName {
    enum class Kind { file, standard_input, test };
    Kind kind = Kind::file;
    std::string path; ///< of a file; else the name for error texts
};

/// Reads INPUT: a path, `-` or `test:`. usage: another `scheme:` that is not a file of that name.
[[nodiscard]] base::Result<InputName> parse_input(std::string_view text);

/// Refuses what cannot be read at all (no_input: missing or empty; not_permitted; bad_data: a
/// folder), before anything else is set up.
[[nodiscard]] base::Result<void> check_input(const InputName &input);

/// Opens @p input: a transport stream whose codecs @p terms allow passes as it is, anything else
/// goes through GStreamer. Opening standard input waits for nothing: it is read from start() on.
[[nodiscard]] base::Result<std::unique_ptr<media::TsInput>>
open_input(const InputName &input, const media::StreamTerms &terms);

} // namespace push
