// How long a client may take for a part of its request. Inside of net::HttpServer: only
// http_session.cpp includes this.
#pragma once

#include "base/time.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>

namespace net {

/// Ends what a stream waits for when the time is over, and leaves it open for an answer; the
/// stream's own timer would close it. Used on the stream's thread.
class Deadline {
  public:
    Deadline(boost::beast::tcp_stream &stream, base::Millis after)
        : m_timer(stream.get_executor(), after), m_over(std::make_shared<bool>(false)) {
        stream.expires_never();
        m_timer.async_wait(
            [&stream, over = std::weak_ptr(m_over)](const boost::system::error_code &ec) {
                const auto alive = over.lock();
                if (ec || !alive)
                    return;
                *alive = true;
                stream.cancel();
            });
    }
    /// The time is over, and something was waited for no longer.
    [[nodiscard]] bool over() const { return *m_over; }

  private:
    boost::asio::steady_timer m_timer;
    std::shared_ptr<bool> m_over;
};

} // namespace net
