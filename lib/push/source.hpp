// What push-stream can read.
#pragma once

#include "base/result.hpp"
#include "media/gst_input.hpp"
#include "push/source_device.hpp"
#include "push/source_net.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace push {

/// INPUT of the command line.
struct InputName {
    enum class Kind { file, standard_input, test, pipeline, network, device };
    Kind kind = Kind::file;
    std::string path;      ///< of a file; a pipeline's description; else the name for error texts
    std::string caps{};    ///< of raw media in a file or on standard input; else empty
    NetworkName network{}; ///< of Kind::network
    std::vector<media::DeviceSource> devices{}; ///< of Kind::device
    std::string passphrase{};                   ///< a secret: of SRT, or empty
};

/// Reads INPUT: a path, `-`, `test:`, `udp://…`, `srt://…`, `gst:…`, or a device (parse_devices()).
/// usage: another `scheme:` that is not a file of that name.
[[nodiscard]] base::Result<InputName> parse_input(std::string_view text,
                                                  const DeviceWishes &wishes = {});

/// Refuses what cannot be read at all (no_input: missing or empty; not_permitted; bad_data: a
/// folder), before anything else is set up.
[[nodiscard]] base::Result<void> check_input(const InputName &input);

/// A file of media, whatever names it, which can be read before it is sent.
[[nodiscard]] bool can_be_read_twice(const InputName &input);

/// Opens @p input: a transport stream whose codecs @p terms allow passes as it is, anything else
/// goes through GStreamer. Opening standard input waits for nothing: it is read from start() on.
[[nodiscard]] base::Result<std::unique_ptr<media::TsInput>>
open_input(const InputName &input, const media::StreamTerms &terms);

} // namespace push
