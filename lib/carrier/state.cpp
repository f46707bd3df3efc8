#include "carrier/state.hpp"

#include "route/policy.hpp"
#include "wire/json.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_max_file = 65536;
constexpr int k_state_version = 1;

struct Turn {
    std::int64_t turn = 0;
    const CarrierState *carrier = nullptr;
};

template <typename Wanted> const CarrierState *highest(const Carriers &carriers, Wanted wanted) {
    Turn best;
    for (const auto &[name, carrier] : carriers)
        for (const auto &[id, use] : carrier.uses)
            if (wanted(id) && !use.leaving && use.turn > best.turn)
                best = {use.turn, &carrier};
    return best.carrier;
}

Result<void> check_folder(const fs::path &path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0)
        return base::fail_errno("look at", path.native());
    if (!S_ISDIR(info.st_mode))
        return base::fail(Errc::not_permitted, "state {}: not a folder", path.native());
    const bool ours = info.st_uid == ::geteuid() || info.st_uid == 0;
    if (!ours || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return base::fail_hint(Errc::not_permitted, "give it to root alone: chown root, chmod 755",
                               "state {}: another user may write to it", path.native());
    return {};
}

} // namespace

const CarrierState *active_for(const Carriers &carriers, const base::Id &reservation) {
    return highest(carriers, [&](const base::Id &id) { return id == reservation; });
}

const CarrierState *most_recent(const Carriers &carriers) {
    return highest(carriers, [](const base::Id &) { return true; });
}

std::int64_t highest_turn(const Carriers &carriers) {
    std::int64_t turn = 0;
    for (const auto &[name, carrier] : carriers)
        for (const auto &[id, use] : carrier.uses)
            turn = std::max(turn, use.turn);
    return turn;
}

const Use *use_of(const Carriers &carriers, const std::string &name, const base::Id &reservation) {
    const auto carrier = carriers.find(name);
    if (carrier == carriers.end())
        return nullptr;
    const auto use = carrier->second.uses.find(reservation);
    return use == carrier->second.uses.end() ? nullptr : &use->second;
}

bool only_below(const Carriers &carriers, const std::string &name, const base::Id &reservation) {
    const Use *use = use_of(carriers, name, reservation);
    return use != nullptr && use->turn == 0 &&
           std::ranges::any_of(carriers, [&](const auto &carrier) {
               const auto &[other, state] = carrier;
               return state.below && state.below->carrier == name &&
                      state.uses.contains(reservation);
           });
}

bool leaving(const Carriers &carriers, const base::Id &reservation) {
    return std::ranges::any_of(carriers, [&](const auto &carrier) {
        const auto use = carrier.second.uses.find(reservation);
        return use != carrier.second.uses.end() && use->second.leaving;
    });
}

namespace {

wire::Json owned_json(const Owned &owned) {
    wire::JsonArray processes;
    for (const LineProcess &process : owned.processes)
        processes.push_back(wire::JsonObject{{"pid", process.pid}, {"started", process.started}});
    return wire::JsonObject{{"driver", owned.driver},
                            {"since_ms", owned.since_ms},
                            {"tries", owned.tries},
                            {"processes", std::move(processes)},
                            {"handle", owned.handle}};
}

} // namespace

std::string to_text(const CarrierState &carrier) {
    const auto list = [](const std::set<std::string> &items) {
        return wire::JsonArray(items.begin(), items.end());
    };
    wire::JsonArray uses;
    for (const auto &[id, use] : carrier.uses)
        uses.push_back(wire::JsonObject{{"reservation", id.text()},
                                        {"turn", use.turn},
                                        {"ingest", list(use.ingest)},
                                        {"leaving", use.leaving}});
    wire::JsonObject out{{"v", k_state_version},
                         {"carrier", carrier.name},
                         {"number", carrier.number},
                         {"interface", carrier.interface},
                         {"gateway4", carrier.gateway4},
                         {"gateway6", carrier.gateway6},
                         {"media_uid", carrier.media_uid},
                         {"sources", list(carrier.sources)},
                         {"owned", owned_json(carrier.owned)},
                         {"uses", std::move(uses)}};
    if (carrier.below)
        out["below"] = wire::JsonObject{{"carrier", carrier.below->carrier},
                                        {"host", carrier.below->host},
                                        {"port", carrier.below->port}};
    return wire::compact_json(out) + "\n";
}

namespace {

Result<Owned> read_owned(wire::ObjectReader in) {
    Owned out;
    out.driver = TRY(in.string("driver", 16));
    out.since_ms = TRY(in.integer("since_ms"));
    out.tries = in.has("tries") ? TRY(in.integer("tries", 0)) : 0; // of a former version
    for (const wire::Json &item : *TRY(in.array("processes", 8))) {
        auto process = TRY(wire::ObjectReader::of(item, in.where("processes")));
        out.processes.push_back({TRY(process.integer("pid", 2)), TRY(process.integer("started"))});
        TRY(process.finish());
    }
    out.handle = TRY(in.string("handle"));
    TRY(in.finish());
    return out;
}

} // namespace

Result<CarrierState> read_state(std::string_view text, std::string_view name) {
    const wire::Json json = TRY(wire::parse_json(text, name));
    auto in = TRY(wire::ObjectReader::of(json, std::string(name)));
    CarrierState out;
    TRY(in.integer("v", k_state_version, k_state_version));
    out.name = TRY(in.string("carrier", 32));
    out.number = static_cast<unsigned>(TRY(in.integer("number", 1, route::k_max_carriers)));
    out.interface = TRY(in.string("interface", 15));
    out.gateway4 = TRY(in.string("gateway4", 64));
    out.gateway6 = TRY(in.string("gateway6", 64));
    out.media_uid = static_cast<std::uint32_t>(TRY(in.integer("media_uid", 1, 0xfffffffeLL)));
    for (std::string &source : TRY(in.strings("sources")))
        out.sources.insert(std::move(source));
    if (in.has("owned")) // absent: of a version that knew links only
        out.owned = TRY(read_owned(TRY(in.object("owned"))));
    if (in.has("below")) {
        auto below = TRY(in.object("below"));
        Below &to = out.below.emplace();
        to.carrier = TRY(below.string("carrier", 32));
        to.host = TRY(below.string("host", 64));
        to.port = static_cast<std::uint16_t>(TRY(below.integer("port", 1, 65535)));
        TRY(below.finish());
    }
    for (const wire::Json &item : *TRY(in.array("uses", 1000))) {
        auto use = TRY(wire::ObjectReader::of(item, in.where("uses")));
        const auto id = TRY(base::Id::parse(TRY(use.string("reservation", 64))));
        out.uses[id].turn = TRY(use.integer("turn"));
        for (std::string &address : TRY(use.strings("ingest")))
            out.uses[id].ingest.insert(std::move(address));
        out.uses[id].leaving = TRY(use.boolean_or("leaving", false));
        TRY(use.finish());
    }
    TRY(in.finish());
    return out;
}

Result<StateFolder> StateFolder::open(fs::path path, bool make) {
    StateFolder out{std::move(path)};
    std::error_code ignored;
    if (make)
        TRY(base::make_folders(out.carriers(), 0755));
    else if (!fs::exists(fs::symlink_status(out.m_path, ignored)))
        return out;
    TRY(check_folder(out.m_path));
    if (fs::exists(fs::symlink_status(out.carriers(), ignored)))
        TRY(check_folder(out.carriers()));
    return out;
}

Result<base::FileLock> StateFolder::lock(int wait_ms) const {
    auto lock = TRY(base::FileLock::acquire(m_path / "lock", wait_ms));
    // Who holds the lock is the only one who writes: these were left by one that was killed.
    std::error_code ignored;
    for (const auto &entry : fs::directory_iterator(carriers(), ignored))
        if (entry.path().native().ends_with(base::k_temporary_suffix))
            TRY(base::remove_file(entry.path()));
    return lock;
}

namespace {

fs::path exec_lock(const fs::path &folder, const base::Id &reservation) {
    return folder / fmt::format("exec-{}.lock", reservation.text());
}

fs::path watch_lock(const fs::path &folder, const base::Id &reservation) {
    return folder / fmt::format("watch-{}.lock", reservation.text());
}

} // namespace

Result<base::FileLock> StateFolder::lock_exec(const base::Id &reservation) const {
    constexpr int k_wait_ms = 100; // for exec_runs() of another
    auto lock = base::FileLock::acquire(exec_lock(m_path, reservation), k_wait_ms);
    if (!lock && lock.error().code == Errc::try_again)
        return base::fail_hint(
            Errc::try_again, "use carrier-connect up to move it to another carrier",
            "reservation {}: another carrier-connect exec is running it", reservation.text());
    return lock;
}

Result<base::FileLock> StateFolder::lock_watch(const base::Id &reservation) const {
    auto lock = base::FileLock::acquire(watch_lock(m_path, reservation), 0);
    if (!lock && lock.error().code == Errc::try_again)
        return base::fail(Errc::try_again,
                          "reservation {}: another carrier-connect watch looks after it",
                          reservation.text());
    return lock;
}

void StateFolder::forget_watch(const base::Id &reservation) const {
    ::unlink(watch_lock(m_path, reservation).c_str());
}

bool StateFolder::exec_runs(const base::Id &reservation) const {
    const base::Fd file{
        ::open(exec_lock(m_path, reservation).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    return file && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

void StateFolder::forget_exec(const base::Id &reservation) const {
    ::unlink(exec_lock(m_path, reservation).c_str());
}

Result<Carriers> StateFolder::load() const {
    Carriers out;
    std::error_code failed;
    for (const auto &entry : fs::directory_iterator(carriers(), failed)) {
        const std::string file = entry.path().filename();
        if (entry.path().extension() != ".json")
            continue; // a temporary file of a process that was killed
        auto text = base::read_regular_file(entry.path(), k_max_file);
        if (!text && text.error().code == Errc::no_input)
            continue; // removed since
        if (!text)
            return std::unexpected(std::move(text).error());
        auto state = read_state(*text, entry.path().native());
        if (!state || state->name + ".json" != file)
            return base::fail_hint(Errc::bad_data,
                                   "media stays closed; remove the file, then run carrier-connect "
                                   "down for its reservations",
                                   "state {}: damaged", entry.path().native());
        out[state->name] = std::move(*state);
    }
    if (failed && failed != std::errc::no_such_file_or_directory)
        return base::fail_errno("read", carriers().native(), failed.value());
    return out;
}

Result<void> StateFolder::store(const CarrierState &carrier) const {
    return base::write_file_atomic(file_of(carrier.name), to_text(carrier), 0644);
}

Result<void> StateFolder::remove(const std::string &name) const {
    return base::remove_file(file_of(name));
}

} // namespace carrier
