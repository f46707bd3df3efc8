// What a reservation allows to be sent.
#pragma once

#include "base/units.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace media {

/// What the stream must keep to.
struct StreamTerms {
    base::BitRate max_rate;          ///< of the transport stream
    std::int64_t max_gop_s = 2;      ///< seconds from key frame to key frame
    std::vector<std::string> codecs; ///< what may be sent: h264, h265, aac, opus
    std::string encoder = "auto";    ///< of pictures, see choose_video_encoder()

    [[nodiscard]] bool allows(std::string_view codec) const {
        return std::ranges::find(codecs, codec) != codecs.end();
    }
};

} // namespace media
