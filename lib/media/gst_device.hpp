// Inputs that are devices: cameras and sound, at this machine or on the network.
#pragma once

#include "media/stream_terms.hpp"
#include "media/ts_input.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>

namespace media {

/// One device, as GStreamer's sources know it.
struct DeviceSource {
    enum class Kind { rtsp, v4l2, alsa, pulse };
    Kind kind = Kind::v4l2;
    std::string
        name;      ///< of the device: a URL without credentials, a path, or empty: the default one
    int width = 0; ///< of the pictures; 0: whatever it offers
    int height = 0;
    int fps_numerator = 0; ///< 0: whatever it offers
    int fps_denominator = 1;
    bool udp = false;     ///< RTSP: media in datagrams, not within the connection
    std::string user;     ///< RTSP
    std::string password; ///< RTSP; a secret
};

/// GStreamer's source for it.
[[nodiscard]] std::string_view device_element(DeviceSource::Kind kind);
/// What it is asked for, as caps; empty: anything. A camera may bring its pictures coded.
[[nodiscard]] std::string device_caps(const DeviceSource &source);

/// The media of @p sources, live, as one stream: the first pictures and the first sound that they
/// yield are handled as those of a file. @p name is for error texts. Errors: unavailable, there is
/// no element for it; others come from prepare() and read().
[[nodiscard]] base::Result<std::unique_ptr<TsInput>>
open_devices(std::string name, std::span<const DeviceSource> sources, const StreamTerms &terms);

} // namespace media
