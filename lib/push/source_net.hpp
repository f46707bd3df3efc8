// Media that comes by the network: TS in datagrams, and SRT.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "media/gst_input.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace push {

/// `udp://[@][HOST]:PORT[?iface=NAME&source=IP]` or
/// `srt://[HOST]:PORT[?mode=…&latency=…&streamid=…]`.
struct NetworkName {
    enum class Kind { udp, srt_caller, srt_listener };
    Kind kind = Kind::udp;
    std::string text; ///< as it was given
    std::string
        host; ///< a name or an IP literal without brackets; empty: any address of this machine
    std::uint16_t port = 0;
    std::string interface; ///< of a multicast group
    std::string source;    ///< of a multicast group: the only one that is listened to
    std::string stream_id;
    base::Millis latency{120};
};

/// usage: not such a name; a secret in it.
[[nodiscard]] base::Result<NetworkName> parse_network_name(std::string_view text);

/// The first line of a file, as SRT takes it: 10 to 79 characters. config: not such a line.
[[nodiscard]] base::Result<std::string> read_passphrase(const std::string &path);

namespace detail {

/// Where datagrams come from. Used by one thread at a time.
class Origin {
  public:
    virtual ~Origin() = default;
    Origin() = default;
    Origin(const Origin &) = delete;
    Origin &operator=(const Origin &) = delete;

    [[nodiscard]] virtual base::Result<void> open() = 0;
    /// The packets of the next datagram, valid until the next call; empty when nothing came in some
    /// 100 ms, or what came was none.
    [[nodiscard]] virtual std::span<const std::uint8_t> receive() = 0;
};

[[nodiscard]] std::unique_ptr<Origin> make_udp_origin(const NetworkName &name);
/// @p passphrase: a secret; empty: not encrypted.
[[nodiscard]] std::unique_ptr<Origin> make_srt_origin(const NetworkName &name,
                                                      std::string passphrase);

} // namespace detail

/// Listens from prepare() on, and yields what comes from start() on.
[[nodiscard]] std::unique_ptr<media::TsInput>
open_network(const NetworkName &name, std::string passphrase, const media::StreamTerms &terms);

} // namespace push
