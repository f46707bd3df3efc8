// What the feed has said so far, merged and kept on disk: a relay cut off from control goes on with
// it. See slotcast-feed(5).
#pragma once

#include "vault/folder.hpp"
#include "wire/feed.hpp"

#include <map>

namespace relay {

/// Not thread-safe.
struct FeedState {
    std::int64_t serial = 0;
    std::int64_t offset_ms = 0; ///< control's clock minus this machine's wall clock
    std::map<base::Id, wire::FeedEntry> entries;

    /// Takes @p feed in: the entry with the higher serial counts. Returns what changed.
    std::vector<wire::FeedEntry> merge(const wire::Feed &feed);
    /// Notes @p new_offset_ms. Returns all entries when it is so different that another word may be
    /// right for each of them (over or not), else nothing.
    std::vector<wire::FeedEntry> set_offset(std::int64_t new_offset_ms);
    /// Forgets what ended a day before @p now (control's clock), retention included.
    void prune(base::UtcTime now);
};

/// The state of relay @p id in @p folder. Absent: an empty one. Damaged, or another relay's: warns
/// and begins at serial 0, for control knows it all.
[[nodiscard]] FeedState load_feed_state(const vault::Folder &folder, std::string_view id);

/// The state of relay @p id as JSON, and back. bad_data: it is none, or another relay's.
[[nodiscard]] wire::Json to_json(const FeedState &state, std::string_view id);
[[nodiscard]] base::Result<FeedState> read_feed_state(const wire::Json &json, std::string_view id,
                                                      std::string_view where);

/// Atomic and durable.
[[nodiscard]] base::Result<void> save_feed_state(const vault::Folder &folder, std::string_view id,
                                                 const FeedState &state);

} // namespace relay
