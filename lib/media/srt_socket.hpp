// SRT (draft-sharabayko-srt) in live mode through libsrt: one owner per socket, nothing blocks.
// libsrt runs threads of its own; objects here belong to one thread of ours.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "conf/address.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace media {

/// Seven TS packets: what fits one SRT packet on every path.
inline constexpr std::size_t k_srt_payload_bytes = 1316;
/// No SRT packet carries more.
inline constexpr std::size_t k_srt_max_message = 1456;

/// Keeps libsrt started while it lives; make one before the first socket. Several are counted.
class SrtLibrary {
  public:
    SrtLibrary();
    ~SrtLibrary();
    SrtLibrary(const SrtLibrary &) = delete;
    SrtLibrary &operator=(const SrtLibrary &) = delete;
    SrtLibrary(SrtLibrary &&) = delete;
    SrtLibrary &operator=(SrtLibrary &&) = delete;
};

/// How to call a listener.
struct SrtCall {
    conf::Address to;
    std::string stream_id;
    std::string passphrase; ///< a secret, 10 to 79 characters; empty: not encrypted
    int key_bytes = 16;     ///< 16, 24 or 32
    base::Millis latency{120};
    std::string interface; ///< the socket is bound to this device, or empty
    std::string source;    ///< own address, IP literal of the same family, or empty
    int payload_bytes = k_srt_payload_bytes; ///< of the longest message
    /// Ceiling of what leaves, retransmissions included; 0: none. See SrtSocket::limit().
    std::int64_t max_bytes_per_second = 0;
    base::Millis connect_timeout{3000};
    base::Millis idle_timeout{3000}; ///< silence after which the peer counts as gone
    /// How often libsrt looks at its timers while nothing comes, 1 to 999 ms, each time a wake. By
    /// itself it does so every few ticks of the kernel, which who receives needs for its
    /// acknowledgements.
    std::optional<base::Millis> idle_look;
};

enum class SrtState { connecting, connected, broken };

/// Why a connection was not made. Codes from 2000 are the listener's own (draft-sharabayko-srt,
/// appendix "rejection reasons"; libsrt's SRT_REJC_USERDEFINED).
struct SrtReject {
    int code = 0;
    std::string text; ///< libsrt's words: "connection timeout", "wrong password" …
};

/// Since the connection was made.
struct SrtStats {
    std::int64_t rtt_us = 0;
    std::int64_t unacknowledged_ms = 0; ///< between the oldest and the newest message of them, now
    std::int64_t lost_packets = 0;      ///< reported (sender) or noticed (receiver)
    std::int64_t retransmitted_packets = 0;
    std::int64_t dropped_packets = 0; ///< too late to be sent, or to be delivered
    std::int64_t received_packets = 0;
};

/// A connection, or one in the making.
class SrtSocket {
  public:
    SrtSocket() = default;
    /// Takes over a handle of libsrt.
    explicit SrtSocket(int handle) : m_handle(handle) {}
    SrtSocket(SrtSocket &&other) noexcept;
    SrtSocket &operator=(SrtSocket &&other) noexcept;
    SrtSocket(const SrtSocket &) = delete;
    SrtSocket &operator=(const SrtSocket &) = delete;
    /// Tells the peer that the connection is over; what was not yet acknowledged may be lost.
    ~SrtSocket();

    /// Starts to connect and returns at once; state() tells what became of it. Fails when the
    /// device or the source address cannot be used (unavailable, not_permitted).
    [[nodiscard]] static base::Result<SrtSocket> call(const SrtCall &call);

    [[nodiscard]] SrtState state() const;
    /// After a connection failed; read it before the socket is about a second old in that state.
    [[nodiscard]] SrtReject reject() const;

    /// Queues one message of at most the call's payload_bytes. False: the buffer is full, try
    /// later. unavailable: the connection is over. @p age: how long ago it was due; the peer
    /// delivers it so much earlier. It must not be older than the connection.
    [[nodiscard]] base::Result<bool> send(std::span<const std::uint8_t> message,
                                          std::chrono::microseconds age = {});
    /// The next message into @p space (k_srt_max_message bytes); its size, or nothing when none is
    /// due. unavailable: the connection is over and nothing is left.
    [[nodiscard]] base::Result<std::optional<std::size_t>> receive(std::span<std::uint8_t> space);

    /// Another ceiling than the call's, from now on; 0: none.
    [[nodiscard]] base::Result<void> limit(std::int64_t max_bytes_per_second);

    /// Messages that were queued and not yet acknowledged.
    [[nodiscard]] std::size_t unacknowledged() const;
    /// Of a connection that is gone, what was read last: libsrt has forgotten it.
    [[nodiscard]] SrtStats stats() const;
    /// Empty when the connection is gone.
    [[nodiscard]] std::string stream_id() const;
    [[nodiscard]] std::string peer() const; ///< `192.0.2.1:5000`
    /// The latency that both sides agreed on, receiving.
    [[nodiscard]] base::Millis latency() const;

    [[nodiscard]] int handle() const { return m_handle; }
    [[nodiscard]] explicit operator bool() const { return m_handle >= 0; }
    void close();

  private:
    int m_handle = -1;
    mutable SrtStats m_measured; // when it was read last
};

} // namespace media
