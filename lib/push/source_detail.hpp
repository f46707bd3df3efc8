// Parts of source.cpp that its other files share.
#pragma once

#include "base/fd.hpp"
#include "media/gst_input.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace push::detail {

/// What the head of an input shows.
enum class Head {
    unclear,      ///< more of it is needed
    passes,       ///< a transport stream of codecs that are allowed
    for_gstreamer ///< anything else
};
/// @p whole: there is no more than @p bytes.
[[nodiscard]] Head judge_head(std::span<const std::uint8_t> bytes, bool whole,
                              const media::StreamTerms &terms);

/// How much of an input is looked at before it is judged.
inline constexpr std::size_t k_head_bytes = 2U << 20U;

/// A pipe or device on @p fd (@p owned keeps it open; empty for standard input), judged once its
/// head has come.
[[nodiscard]] std::unique_ptr<media::TsInput>
make_stream_input(int fd, base::Fd owned, std::string name, const media::StreamTerms &terms);

/// A live input that @p open makes, again and again: one that fails, ends or yields nothing for
/// five seconds is opened anew, at most once a second, and says so (TsInput::restarted()). What can
/// not pass by itself (not_permitted, usage, unavailable, bad_data before anything came) is an
/// error.
using Open = std::function<base::Result<std::unique_ptr<media::TsInput>>()>;
[[nodiscard]] std::unique_ptr<media::TsInput> make_lasting_input(std::string name, Open open);

} // namespace push::detail
