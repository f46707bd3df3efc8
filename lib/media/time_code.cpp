#include "media/time_code.hpp"

#include <algorithm>

namespace media {

namespace {

constexpr std::size_t k_blocks = 32;
constexpr std::size_t k_share = 16;  // of the height
constexpr std::uint8_t k_black = 16; // ITU-R BT.709: what video has for it
constexpr std::uint8_t k_white = 235;
constexpr std::uint32_t k_check = 0x5a; // else all black would be a time

std::uint32_t code_of(base::UtcTime now) {
    const auto ms = static_cast<std::uint32_t>(base::unix_ms(now)) & 0xffffffU;
    return ms << 8U | ((ms >> 16U ^ ms >> 8U ^ ms ^ k_check) & 0xffU);
}

} // namespace

void draw_time_code(std::span<std::uint8_t> luma, std::size_t width, std::size_t height,
                    std::size_t stride, base::UtcTime now) {
    if (width < 2 * k_blocks || height < 2 * k_share || stride < width ||
        luma.size() < stride * height)
        return;
    const std::uint32_t code = code_of(now);
    const std::size_t first = height - height / k_share;
    const auto line = luma.subspan(first * stride, width);
    for (std::size_t x = 0; x < width; ++x) {
        const std::size_t block = x * k_blocks / width;
        line[x] = (code >> (k_blocks - 1 - block) & 1U) != 0 ? k_white : k_black;
    }
    for (std::size_t y = first + 1; y < height; ++y)
        std::ranges::copy(line, luma.begin() + static_cast<std::ptrdiff_t>(y * stride));
}

} // namespace media
