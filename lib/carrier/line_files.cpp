#include "carrier/line_files.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "line/grant.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace carrier {

using base::Fd;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_max_log = 262'144;

std::string_view last_line(std::string_view text) {
    text = text.substr(0, text.find_last_not_of("\r\n ") + 1);
    const std::size_t before = text.rfind('\n');
    return before == std::string::npos ? text : text.substr(before + 1);
}

/// What stands behind the last @p mark, to the end of its line.
std::string_view behind(std::string_view text, std::string_view mark) {
    const std::size_t at = text.rfind(mark);
    if (at == std::string::npos)
        return {};
    text.remove_prefix(at + mark.size());
    return text.substr(0, text.find('\n'));
}

} // namespace

fs::path line_log(const fs::path &folder, const std::string &carrier) {
    return folder / fmt::format("line-{}.log", carrier);
}

Result<Fd> make_line_log(const fs::path &folder, const std::string &carrier) {
    const fs::path file = line_log(folder, carrier);
    TRY(base::remove_file(file));
    Fd log{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600)};
    if (!log)
        return base::fail_errno("make", file.native());
    return log;
}

Result<void> remove_half_written(const fs::path &folder, const std::string &carrier) {
    const std::string of_line = fmt::format("line-{}.", carrier);
    std::error_code failed;
    std::vector<fs::path> left;
    for (const auto &entry : fs::directory_iterator(folder, failed)) {
        const std::string name = entry.path().filename();
        if (name.starts_with(of_line) && name.ends_with(base::k_temporary_suffix))
            left.push_back(entry.path());
    }
    for (const fs::path &file : left)
        TRY(base::remove_file(file));
    return {};
}

LineLook said_in_log(const fs::path &folder, const std::string &carrier) {
    const auto text = base::read_regular_file(line_log(folder, carrier), k_max_log);
    if (!text)
        return {};
    base::log::debug("carrier {}: its program says:\n{}", carrier, *text);
    return {LineProgress::absent, last_error(*text), last_hint(*text)};
}

std::string last_error(std::string_view log) {
    const std::string_view error = behind(log, ": error: ");
    return base::plain_text(error.empty() ? last_line(log) : error);
}

std::string last_hint(std::string_view log) {
    return base::plain_text(behind(log, ": hint: "));
}

Result<bool> has_grant(LineWorld &world, const CarrierState &state) {
    const auto grant = TRY(line::load_grant(line::grant_file(world.folder, state.name)));
    const auto link = TRY(world.kernel.link(state.interface));
    return grant && link && link->up &&
           std::ranges::all_of(grant->addresses, [&](const route::InterfaceAddress &given) {
               return std::ranges::find(link->addresses, given.address) != link->addresses.end();
           });
}

LineLook lost_or_coming(const fs::path &file) {
    constexpr std::chrono::seconds k_settled{2}; // between writing it and having them
    std::error_code none;
    const auto written = fs::last_write_time(file, none);
    if (!none && fs::file_time_type::clock::now() - written > k_settled)
        return LineLook{LineProgress::absent, "its address was taken away"};
    return LineLook{LineProgress::coming};
}

Result<Gateways> granted_gateways(const fs::path &folder, const CarrierState &state) {
    const auto grant = TRY(line::load_grant(line::grant_file(folder, state.name)));
    if (!grant)
        return Gateways{};
    return Gateways{grant->gateway4, grant->gateway6};
}

} // namespace carrier
