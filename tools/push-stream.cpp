// push-stream ID INPUT: sends the programme of a reservation, from its start to its end; or tries
// the line before that.
#include "base/log.hpp"
#include "cli/stop_signal.hpp"
#include "cli/tool.hpp"
#include "push/reader.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace {

struct Options {
    std::string id;
    std::string input;
    std::string stats;
    bool loop = false, preflight = false, table = false;
    std::string duration = "10s";
    std::string record;
    bool append = false, overwrite = false;
    std::string caps, passphrase_file;
    push::DeviceWishes device;
    std::string encoder = "auto";
    std::string paths;
    std::vector<std::string> warn_before{"5m", "1m"};
};

constexpr base::Millis k_longest_preflight{60'000}; // the relay takes no longer ones

base::Result<std::vector<base::Millis>> end_warnings(const std::vector<std::string> &texts) {
    std::vector<base::Millis> out;
    for (const std::string &text : texts) {
        const auto before = base::parse_duration(text);
        if (!before && text != "none")
            return base::fail(base::Errc::usage, "--warn-before '{}': {}", text,
                              before.error().message);
        if (before)
            out.push_back(*before);
    }
    return out;
}

base::Result<std::unique_ptr<push::Recorder>> recorder(const Options &options) {
    using Existing = push::Recorder::Existing;
    if (options.record.empty())
        return nullptr;
    return push::Recorder::open(options.record, options.append      ? Existing::append
                                                : options.overwrite ? Existing::replace
                                                                    : Existing::refuse);
}

// INPUT with the options that say more of it.
base::Result<push::InputName> input_name(const Options &options) {
    using Kind = push::InputName::Kind;
    push::InputName input =
        TRY(push::parse_input(options.input.empty() ? "test:" : options.input, options.device));
    if (input.kind != Kind::device && options.device != push::DeviceWishes{})
        return base::fail(base::Errc::usage,
                          "--size, --framerate, --audio, --rtsp-transport, "
                          "--source-credentials-file: for cameras (v4l2:, rtsp://) only");
    if (!options.caps.empty() && input.kind != Kind::file && input.kind != Kind::standard_input)
        return base::fail(base::Errc::usage, "--caps: for a file or standard input");
    input.caps = options.caps;
    if (options.passphrase_file.empty())
        return input;
    if (input.kind != Kind::network || input.network.kind == push::NetworkName::Kind::udp)
        return base::fail(base::Errc::usage, "--source-passphrase-file: for srt:// only");
    input.passphrase = TRY(push::read_passphrase(options.passphrase_file));
    return input;
}

base::Result<push::ReaderOptions> reader_options(const Options &options) {
    const auto id = base::Id::parse(options.id);
    if (!id)
        return base::fail(base::Errc::usage, "ID '{}': {}", options.id, id.error().message);
    if (options.input.empty() && !options.preflight)
        return base::fail(base::Errc::usage, "INPUT is required");
    const auto input = TRY(input_name(options));
    push::ReaderOptions out{.reservation = *id, .input = input, .loop = options.loop};
    out.encoder = options.encoder;
    out.paths = options.paths;
    out.warn_before = TRY(end_warnings(options.warn_before));
    if (options.preflight) {
        const auto duration = base::parse_duration(options.duration);
        if (!duration || *duration < base::Seconds{1} || *duration > k_longest_preflight)
            return base::fail(base::Errc::usage, "--duration '{}': not 1s to 60s",
                              options.duration);
        out.preflight = *duration;
        out.no_stats = options.stats.empty();
    }
    using Kind = push::InputName::Kind;
    if (out.loop && input.kind == Kind::standard_input)
        return base::fail(base::Errc::usage, "--loop: standard input cannot be read twice");
    if (out.loop && (input.kind == Kind::network || input.kind == Kind::device))
        return base::fail(base::Errc::usage, "--loop: {} has no end to begin again at", input.path);
    return out;
}

// What was measured, and whether it will do.
int tell(const push::Outcome::Preflight &preflight, bool table) {
    const auto &[terms, report] = preflight;
    if (table)
        cli::print_text(push::table_of(report, terms));
    else
        cli::print_record(push::to_json(report, terms));
    const auto problems = report.problems(terms);
    for (const std::string &problem : problems)
        base::log::warning("{}", problem);
    return problems.empty() ? 0 : base::exit_code(base::Errc::refused);
}

base::Result<int> push_stream(const Options &options) {
    push::ReaderOptions reader = TRY(reader_options(options));
    TRY(push::check_input(reader.input));
    auto sender = TRY(push::sender_from_environment());
    auto stop = TRY(cli::StopSignal::make());
    const auto record = TRY(recorder(options));
    auto stats = TRY(push::StatsWriter::open(options.stats));
    reader.recorder = record.get();
    reader.progress = ::isatty(STDERR_FILENO) != 0 && base::log::enabled(base::log::Level::info);
    const base::SystemClock clock;
    const push::Outcome ended =
        TRY(push::Reader(std::move(reader), std::move(sender), stats,
                         {stop.fd(), [&stop] { return stop.take(); }}, clock)
                .run());
    if (ended.signal)
        return cli::StopSignal::exit_code(*ended.signal);
    if (record)
        TRY(record->finish());
    TRY(stats.finish());
    return ended.preflight ? tell(*ended.preflight, options.table) : 0;
}

void add_device_options(CLI::App &app, push::DeviceWishes &device) {
    app.add_option("--audio", device.audio,
                   "The sound to a v4l2: camera: alsa:DEVICE or pulse:SOURCE")
        ->type_name("INPUT");
    app.add_option("--size", device.size, "Of the pictures of a v4l2: camera, such as 1280x720")
        ->type_name("WxH");
    app.add_option("--framerate", device.framerate, "Of a v4l2: camera, such as 25 or 30000/1001")
        ->type_name("N");
    app.add_option("--rtsp-transport", device.transport,
                   "How the media of rtsp:// come: tcp (default) or udp")
        ->type_name("HOW");
    app.add_option("--source-credentials-file", device.credentials_file, "USER:PASSWORD of rtsp://")
        ->type_name("FILE");
}

} // namespace

int main(int argc, char **argv) {
    auto options = std::make_shared<Options>();
    return cli::run_tool(
        argc, argv, {"push-stream", "Send the programme of a reservation through its carrier"},
        [options](CLI::App &app, cli::Action &action) {
            app.add_option("ID", options->id, "The reservation")->required();
            app.add_option("INPUT", options->input,
                           "A media file, - (standard input), udp://…, srt://…, rtsp://…, "
                           "v4l2:DEVICE, alsa:DEVICE, pulse:SOURCE, gst:PIPELINE, or test: (a test "
                           "picture)");
            add_device_options(app, options->device);
            app.add_option("--caps", options->caps,
                           "What raw media in a file or on standard input is, in GStreamer's words")
                ->type_name("CAPS");
            app.add_option(
                   "--encoder", options->encoder,
                   "What encodes pictures that may not pass: auto, x264, x265, hardware, or "
                   "an element")
                ->type_name("NAME");
            app.add_option("--source-passphrase-file", options->passphrase_file,
                           "The passphrase of srt://")
                ->type_name("FILE");
            app.add_flag("--loop", options->loop, "Begin the file again when it is at its end");
            app.add_option("--stats", options->stats,
                           "Write the statistics there; - is standard output")
                ->type_name("FILE");
            app.add_option("--warn-before", options->warn_before,
                           "Say so D before the end; may be repeated (default: 5m and 1m); or none")
                ->type_name("D")
                ->allow_extra_args(false);
            app.add_option("--paths", options->paths,
                           "How lines are used: failover (default with two), redundant, single")
                ->type_name("USE")
                ->check(CLI::IsMember({"failover", "redundant", "single"}));
            auto *record = app.add_option("--record", options->record,
                                          "Keep what is sent there, as a transport stream")
                               ->type_name("FILE");
            auto *append = app.add_flag("--append", options->append,
                                        "Record behind what is in the file already")
                               ->needs(record);
            app.add_flag("--overwrite", options->overwrite,
                         "Record in place of what is in the file")
                ->needs(record)
                ->excludes(append);
            auto *preflight = app.add_flag("--preflight", options->preflight,
                                           "Before the window: try the line, and say what it does")
                                  ->excludes(record);
            app.add_option("--duration", options->duration,
                           "How long to try it, 1s to 60s (default: 10s)")
                ->type_name("D")
                ->needs(preflight);
            app.add_flag("--table", options->table, "What it does for people, not as JSON")
                ->needs(preflight);
            app.footer("Run it by: carrier-connect exec ID -- push-stream ID INPUT");
            action = [options] { return push_stream(*options); };
        });
}
