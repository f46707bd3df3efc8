#include "media/time_code.hpp"

#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <vector>

namespace {

// As a viewer's program reads it: the middle of each block.
std::uint32_t read(const std::vector<std::uint8_t> &luma, std::size_t width, std::size_t height,
                   std::size_t stride) {
    std::uint32_t out = 0;
    const std::size_t y = height - height / 32;
    for (std::size_t block = 0; block < 32; ++block)
        out = out << 1U | std::uint32_t{luma[y * stride + (2 * block + 1) * width / 64] > 128};
    return out;
}

} // namespace

TEST_CASE(
    "media: a time code has the milliseconds and their check, at the bottom and nowhere else") {
    const auto now = base::from_unix_ms(1'795'000'123'456);
    for (const auto &[width, height, stride] :
         {std::array<std::size_t, 3>{1280, 720, 1280}, {320, 180, 320}, {426, 240, 428}}) {
        std::vector<std::uint8_t> luma(stride * height, 77);
        media::draw_time_code(luma, width, height, stride, now);
        const std::uint32_t code = read(luma, width, height, stride);
        const std::uint32_t ms = 1'795'000'123'456 % (1U << 24U);
        CHECK((code >> 8U) == ms);
        CHECK((code & 0xffU) == ((ms >> 16U ^ ms >> 8U ^ ms ^ 0x5aU) & 0xffU));
        const auto rest =
            luma.begin() + static_cast<std::ptrdiff_t>((height - height / 16) * stride);
        CHECK(std::all_of(luma.begin(), rest, [](int x) { return x == 77; }));
        CHECK(std::all_of(rest, luma.end(), [](int x) { return x == 16 || x == 235 || x == 77; }));
        CHECK(luma[height * stride - 1] == (stride > width ? 77 : (code & 1U) != 0 ? 235 : 16));
    }
}

TEST_CASE("media: a picture that is too small or not all there gets no time code") {
    std::vector<std::uint8_t> luma(std::size_t{64} * 32, 77);
    const std::vector<std::uint8_t> before = luma;
    const auto now = base::from_unix_ms(1'795'000'123'456);
    media::draw_time_code(luma, 62, 32, 64, now);
    media::draw_time_code(luma, 64, 30, 64, now);
    media::draw_time_code(luma, 64, 33, 64, now);
    media::draw_time_code(luma, 64, 32, 63, now);
    CHECK(luma == before);
    media::draw_time_code(luma, 64, 32, 64, now);
    CHECK(luma != before);
}
