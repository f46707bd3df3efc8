#include "relay/feed_state.hpp"

#include "base/log.hpp"

#include <cstdlib>
#include <utility>

namespace relay {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr const char *k_file = "feed.json";
constexpr std::size_t k_max_file = std::size_t{64} << 20;
constexpr std::int64_t k_jump_ms = 1000;
constexpr auto k_kept = std::chrono::hours{24};

Result<FeedState> read_state(const vault::Folder &folder, std::string_view id) {
    const wire::Json json = TRY(wire::parse_json(TRY(folder.read(k_file, k_max_file)), k_file));
    return read_feed_state(json, id, k_file);
}

} // namespace

Result<FeedState> read_feed_state(const wire::Json &json, std::string_view id,
                                  std::string_view where) {
    auto in = TRY(wire::ObjectReader::of(json, std::string(where)));
    TRY(in.integer("v", 1, 1));
    if (TRY(in.string("relay", 64)) != id)
        return fail(Errc::bad_data, "{}: of another relay", in.where("relay"));
    FeedState state;
    state.serial = TRY(in.integer("serial"));
    state.offset_ms = TRY(in.integer("offset_ms", std::numeric_limits<std::int64_t>::min()));
    for (const wire::Json &item : *TRY(in.array("entries"))) {
        auto entry = TRY(wire::read_feed_entry(item, in.where("entries")));
        state.entries.insert_or_assign(entry.reservation, std::move(entry));
    }
    TRY(in.finish());
    return state;
}

std::vector<wire::FeedEntry> FeedState::merge(const wire::Feed &feed) {
    std::vector<wire::FeedEntry> changed;
    for (const wire::FeedEntry &entry : feed.entries) {
        const auto it = entries.find(entry.reservation);
        if (it != entries.end() && it->second.serial >= entry.serial)
            continue;
        entries.insert_or_assign(entry.reservation, entry);
        changed.push_back(entry);
    }
    serial = std::max(serial, feed.serial);
    return changed;
}

std::vector<wire::FeedEntry> FeedState::set_offset(std::int64_t new_offset_ms) {
    const bool jump = std::abs(new_offset_ms - std::exchange(offset_ms, new_offset_ms)) > k_jump_ms;
    std::vector<wire::FeedEntry> all;
    if (jump)
        for (const auto &[id, entry] : entries)
            all.push_back(entry);
    return all;
}

void FeedState::prune(base::UtcTime now) {
    std::erase_if(entries, [now](const auto &item) {
        const wire::FeedEntry &e = item.second;
        return e.window.closes() +
                   std::min<base::Millis>(base::Seconds{e.retention_s},
                                          std::chrono::hours{24 * 366}) +
                   k_kept <
               now;
    });
}

FeedState load_feed_state(const vault::Folder &folder, std::string_view id) {
    auto state = read_state(folder, id);
    if (state)
        return std::move(*state);
    if (state.error().code != Errc::no_input)
        base::log::warning("{}: {}; asking control for everything again",
                           folder.shown(k_file).native(), state.error().message);
    return {};
}

wire::Json to_json(const FeedState &state, std::string_view id) {
    wire::JsonArray entries;
    for (const auto &[reservation, entry] : state.entries)
        entries.push_back(wire::to_json(entry));
    return wire::JsonObject{{"v", 1},
                            {"relay", id},
                            {"serial", state.serial},
                            {"offset_ms", state.offset_ms},
                            {"entries", std::move(entries)}};
}

Result<void> save_feed_state(const vault::Folder &folder, std::string_view id,
                             const FeedState &state) {
    return folder.write(k_file, wire::compact_json(to_json(state, id)) + "\n");
}

} // namespace relay
