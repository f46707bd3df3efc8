#include "media/mp4_order.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace media {

namespace {

constexpr std::size_t k_header = 8;
constexpr std::size_t k_long_header = 16;

std::uint64_t number(std::span<const std::uint8_t> bytes) {
    std::uint64_t out = 0;
    for (const std::uint8_t byte : bytes)
        out = out << 8U | byte;
    return out;
}

// What may stand before the index and the media.
bool is_preface(std::string_view type) {
    static constexpr std::array<std::string_view, 7> k_types{"ftyp", "free", "skip", "wide",
                                                             "uuid", "pnot", "pdin"};
    return std::ranges::find(k_types, type) != k_types.end();
}

} // namespace

Mp4Order mp4_order(std::span<const std::uint8_t> head) {
    for (;;) {
        if (head.size() < k_header)
            return Mp4Order::unclear;
        const std::string_view type{reinterpret_cast<const char *>(head.data()) + 4, 4};
        if (type == "mdat")
            return Mp4Order::index_last;
        if (!is_preface(type))
            return Mp4Order::streams;
        std::uint64_t size = number(head.first(4));
        if (size == 1) {
            if (head.size() < k_long_header)
                return Mp4Order::unclear;
            size = number(head.subspan(k_header, 8));
        }
        if (size < k_header) // to the end of the file, or damaged: a reader says so
            return Mp4Order::streams;
        if (size > head.size())
            return Mp4Order::unclear;
        head = head.subspan(static_cast<std::size_t>(size));
    }
}

} // namespace media
