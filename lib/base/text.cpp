#include "base/text.hpp"

namespace base {

namespace {

bool within(unsigned char c, unsigned char first, unsigned char last) {
    return first <= c && c <= last;
}

// The length of what is not plain at the start of @p text, which is not empty; 0: plain.
std::size_t harm_at(std::string_view text) {
    const auto byte = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i])
                               : static_cast<unsigned char>(0);
    };
    if (byte(0) < 0x20 || byte(0) == 0x7f)
        return 1;
    if (byte(0) == 0xc2 && within(byte(1), 0x80, 0x9f))
        return 2;
    if (byte(0) == 0xe2 && byte(1) == 0x80 && within(byte(2), 0xa8, 0xae))
        return 3;
    if (byte(0) == 0xe2 && byte(1) == 0x81 && within(byte(2), 0xa6, 0xa9))
        return 3;
    return 0;
}

} // namespace

bool is_plain_text(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (harm_at(text.substr(i)) != 0)
            return false;
    return true;
}

std::string plain_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t harm = harm_at(text.substr(i));
        out += harm != 0 ? '?' : text[i];
        i += harm != 0 ? harm : 1;
    }
    return out;
}

} // namespace base
