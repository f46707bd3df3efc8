// The publishers' connections that are open, and what is told of each at its end.
#pragma once

#include "relay/live_event.hpp"
#include "wire/json.hpp"

namespace relay {

/// Not thread-safe: the hub's.
class Sessions {
  public:
    void opened(const StreamKey &key, const StreamOpened &what, base::SteadyTime now);
    void part(const StreamKey &key, std::int64_t bytes);
    void stats(const StreamKey &key, const wire::IngestStats &numbers);
    /// What the record `closed` says of it beside the reason. Nothing when it is not open.
    [[nodiscard]] std::optional<wire::JsonObject> closed(const StreamKey &key,
                                                         base::SteadyTime now);
    /// Those of one run of an ingest process.
    [[nodiscard]] std::vector<StreamKey> of(std::string_view carrier, std::uint64_t run) const;
    void carry(Carry &c);

  private:
    struct Session {
        StreamOpened what;
        base::SteadyTime begun{};
        std::int64_t bytes = 0;
        wire::IngestStats numbers{};
    };
    std::map<StreamKey, Session> m_open;
};

/// @p fields as `name=value`, with blanks between, for the log: one line that people and scripts
/// read. A text that is not plain is quoted as in JSON.
[[nodiscard]] std::string log_text(std::string_view type, const wire::JsonObject &fields);

} // namespace relay
