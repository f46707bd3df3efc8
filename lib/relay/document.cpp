#include "relay/document.hpp"

#include "seal/hash.hpp"

#include <stdexcept>
#define ZLIB_CONST // what is read is const
#include <zlib.h>

namespace relay {

namespace {
constexpr int k_gzip = 15 + 16; // the largest window, and gzip's frame around it
constexpr int k_memory = 8;     // zlib's default
} // namespace

std::string compress(std::string_view text) {
    z_stream stream{};
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, k_gzip, k_memory,
                       Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc{};
    std::string out(::deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<const Bytef *>(text.data());
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int done = ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (done != Z_STREAM_END)
        throw std::logic_error{"deflateBound() was too small"};
    return out;
}

const std::string &Document::gzip() const {
    std::call_once(m_compressed, [this] { m_gzip = compress(m_text); });
    return m_gzip;
}

std::string Document::etag(bool compressed) const {
    std::call_once(m_tagged, [this] { m_tag = seal::check_value(m_text); });
    return '"' + m_tag + (compressed ? "-gzip\"" : "\"");
}

} // namespace relay
