#include "push/source_device.hpp"

#include "base/file.hpp"
#include "push/source_detail.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sys/stat.h>
#include <unistd.h>

namespace push {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;
using media::DeviceSource;
using Kind = DeviceSource::Kind;

namespace {

constexpr std::array k_schemes{std::pair{std::string_view{"rtsp://"}, Kind::rtsp},
                               std::pair{std::string_view{"rtsps://"}, Kind::rtsp},
                               std::pair{std::string_view{"v4l2:"}, Kind::v4l2},
                               std::pair{std::string_view{"alsa:"}, Kind::alsa},
                               std::pair{std::string_view{"pulse:"}, Kind::pulse}};
constexpr int k_most = 16'384; // of a side, and of pictures a second

std::optional<int> number(std::string_view text) {
    int out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out <= 0 || out > k_most * 4)
        return std::nullopt;
    return out;
}

// Two numbers around @p mark.
std::optional<std::pair<int, int>> numbers(std::string_view text, char mark) {
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos)
        return std::nullopt;
    const auto first = number(text.substr(0, at));
    const auto second = number(text.substr(at + 1));
    if (!first || !second)
        return std::nullopt;
    return std::pair{*first, *second};
}

Result<void> take_size(DeviceSource &source, std::string_view text) {
    const auto size = numbers(text, 'x');
    if (!size || size->first > k_most || size->second > k_most)
        return fail(Errc::usage, "--size '{}': not as 1280x720", text);
    std::tie(source.width, source.height) = *size;
    return {};
}

Result<void> take_framerate(DeviceSource &source, std::string_view text) {
    const auto whole = number(text);
    const auto rate = whole ? std::optional{std::pair{*whole, 1}} : numbers(text, '/');
    if (!rate || rate->first / rate->second > 1000)
        return fail(Errc::usage, "--framerate '{}': not as 25 or 30000/1001", text);
    std::tie(source.fps_numerator, source.fps_denominator) = *rate;
    return {};
}

// The first line: USER:PASSWORD.
Result<void> take_credentials(DeviceSource &source, const std::string &path) {
    constexpr std::size_t k_most_bytes = 4096;
    std::string text = TRY(base::read_regular_file(path, k_most_bytes));
    text.resize(std::min(text.find_first_of("\r\n"), text.size()));
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0)
        return fail(Errc::config, "{}: the first line is not USER:PASSWORD", path);
    source.user = text.substr(0, colon);
    source.password = text.substr(colon + 1);
    return {};
}

Result<void> check_url(std::string_view url) {
    const std::size_t host = url.find("//") + 2;
    const std::size_t end = std::min(url.find('/', host), url.size());
    // A password may hold a slash that nobody escaped.
    if (url.find('@', host) != std::string_view::npos) // whoever may list processes has read it
        return fail_hint(Errc::usage,
                         "--source-credentials-file FILE, whose first line is USER:PASSWORD",
                         "INPUT: credentials do not belong on the command line; choose others");
    if (end == host || url[host] == ':')
        return fail_hint(Errc::usage, "rtsp://HOST[:PORT]/PATH", "INPUT '{}': the host is missing",
                         url);
    return {};
}

std::unexpected<base::Error> no_camera(const std::string &path) {
    auto error = base::fail_errno("open", path);
    error.error().hint = "ls -l /dev/video* shows the cameras that are there, and who may use them";
    return error;
}

Result<void> take_wishes(DeviceSource &source, const DeviceWishes &wishes) {
    const bool v4l2 = source.kind == Kind::v4l2;
    const bool rtsp = source.kind == Kind::rtsp;
    if (!wishes.size.empty() || !wishes.framerate.empty()) {
        if (!v4l2)
            return fail(Errc::usage, "--size, --framerate: for v4l2: only");
        if (!wishes.size.empty())
            TRY(take_size(source, wishes.size));
        if (!wishes.framerate.empty())
            TRY(take_framerate(source, wishes.framerate));
    }
    if (!wishes.transport.empty() || !wishes.credentials_file.empty()) {
        if (!rtsp)
            return fail(Errc::usage,
                        "--rtsp-transport, --source-credentials-file: for rtsp:// only");
        if (!wishes.transport.empty() && wishes.transport != "tcp" && wishes.transport != "udp")
            return fail(Errc::usage, "--rtsp-transport '{}': tcp or udp", wishes.transport);
        source.udp = wishes.transport == "udp";
        if (!wishes.credentials_file.empty())
            TRY(take_credentials(source, wishes.credentials_file));
    }
    return {};
}

Result<DeviceSource> parse_device(std::string_view text) {
    DeviceSource out;
    for (const auto &[scheme, kind] : k_schemes) {
        if (!text.starts_with(scheme))
            continue;
        out.kind = kind;
        if (kind == Kind::rtsp)
            TRY(check_url(text));
        out.name = kind == Kind::rtsp ? text : text.substr(scheme.size());
        if (kind == Kind::v4l2 && out.name.empty())
            out.name = "/dev/video0";
        return out;
    }
    return fail(Errc::usage, "INPUT '{}': no device", text);
}

} // namespace

bool names_device(std::string_view text) {
    return std::ranges::any_of(k_schemes,
                               [&](const auto &row) { return text.starts_with(row.first); });
}

Result<std::vector<DeviceSource>> parse_devices(std::string_view text, const DeviceWishes &wishes) {
    std::vector<DeviceSource> out{TRY(parse_device(text))};
    TRY(take_wishes(out.front(), wishes));
    if (wishes.audio.empty())
        return out;
    if (out.front().kind != Kind::v4l2)
        return fail_hint(Errc::usage, "gst: takes any sources together", "--audio: for v4l2: only");
    const auto sound =
        names_device(wishes.audio) ? parse_device(wishes.audio) : fail(Errc::usage, "no device");
    if (!sound || (sound->kind != Kind::alsa && sound->kind != Kind::pulse))
        return fail_hint(Errc::usage, "alsa:, alsa:hw:1, pulse: or pulse:NAME",
                         "--audio '{}': not known", wishes.audio);
    out.push_back(*sound);
    return out;
}

Result<void> check_devices(std::span<const DeviceSource> devices) {
    for (const DeviceSource &device : devices) {
        if (device.kind != Kind::v4l2)
            continue;
        struct stat info{};
        if (::stat(device.name.c_str(), &info) != 0 ||
            ::access(device.name.c_str(), R_OK | W_OK) != 0)
            return no_camera(device.name);
        if (!S_ISCHR(info.st_mode))
            return fail(Errc::bad_data, "{}: is no camera", device.name);
    }
    return {};
}

Result<std::unique_ptr<media::TsInput>> open_lasting(const std::string &name,
                                                     std::span<const DeviceSource> devices,
                                                     const media::StreamTerms &terms) {
    if (devices.front().kind != Kind::rtsp)
        return media::open_devices(name, devices, terms);
    return detail::make_lasting_input(
        name, [name, terms, all = std::vector(devices.begin(), devices.end())] {
            return media::open_devices(name, all, terms);
        });
}

} // namespace push
