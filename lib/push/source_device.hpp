// Cameras and sound as they are named on the command line.
#pragma once

#include "base/result.hpp"
#include "media/gst_device.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace push {

/// What says more of a device than its name.
struct DeviceWishes {
    std::string size{};             ///< 1280x720, or empty
    std::string framerate{};        ///< 25, 30000/1001, or empty
    std::string audio{};            ///< alsa:… or pulse:…, or empty
    std::string transport{};        ///< tcp, udp, or empty
    std::string credentials_file{}; ///< of RTSP, or empty
    bool operator==(const DeviceWishes &) const = default;
};

/// Whether @p text names a device: `rtsp://…`, `rtsps://…`, `v4l2:[PATH]`, `alsa:[NAME]`,
/// `pulse:[NAME]`.
[[nodiscard]] bool names_device(std::string_view text);

/// @p text, which names a device, with @p wishes. usage: it is none, or a wish does not fit it; a
/// secret in it. config, not_permitted, no_input: the file with the credentials.
[[nodiscard]] base::Result<std::vector<media::DeviceSource>>
parse_devices(std::string_view text, const DeviceWishes &wishes);

/// no_input, not_permitted: a device that is a file cannot be opened; bad_data: it is none.
[[nodiscard]] base::Result<void> check_devices(std::span<const media::DeviceSource> devices);

/// Opens @p devices as one live input named @p name. A network camera that goes away comes back:
/// its connection is made again each second, whose stream follows the one before.
[[nodiscard]] base::Result<std::unique_ptr<media::TsInput>>
open_lasting(const std::string &name, std::span<const media::DeviceSource> devices,
             const media::StreamTerms &terms);

} // namespace push
