#include "push/source.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "media/ts_scanner.hpp"
#include "push/source_detail.hpp"

#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace push {

using base::Errc;
using base::fail;
using base::fail_errno;
using base::fail_hint;
using base::Result;

namespace {

constexpr std::size_t k_read_bytes = 65'536;
constexpr std::string_view k_stdin_path = "/dev/stdin";

// A transport stream in a file, as it is.
class FileInput final : public media::TsInput {
  public:
    FileInput(base::Fd file, std::string path) : m_file(std::move(file)), m_path(std::move(path)) {}
    Result<void> prepare() override { return {}; }
    Result<void> start() override {
        m_started = true;
        return {};
    }
    [[nodiscard]] int fd() const override { return -1; }
    Result<State> read(std::vector<std::uint8_t> &into) override {
        if (!m_started)
            return State::nothing_yet;
        const std::size_t before = into.size();
        into.resize(before + k_read_bytes);
        const ssize_t n = ::read(m_file.get(), into.data() + before, k_read_bytes);
        into.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n < 0 && errno == EINTR)
            return State::nothing_yet;
        if (n < 0)
            return fail_errno("read", m_path);
        return n == 0 ? State::end : State::more;
    }

  private:
    base::Fd m_file;
    std::string m_path;
    bool m_started = false;
};

Result<base::Fd> open_file(const std::string &path, int flags = 0) {
    base::Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags)};
    if (!file)
        return fail_errno("open", path);
    return file;
}

/// Reads on until @p head has @p wanted bytes; true when the file has no more than it has then.
Result<bool> read_head(int fd, const std::string &path, std::vector<std::uint8_t> &head,
                       std::size_t wanted) {
    std::size_t got = head.size();
    head.resize(wanted);
    ssize_t n = 1;
    while (got < wanted && n != 0) {
        n = ::pread(fd, head.data() + got, wanted - got, static_cast<off_t>(got));
        if (n < 0 && errno != EINTR)
            return fail_errno("read", path);
        got += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
    head.resize(got);
    return n == 0;
}

/// No more of the file is read than it takes: a transport stream says what it is all the time.
Result<detail::Head> judge_start(int fd, const std::string &path, const media::StreamTerms &terms) {
    std::vector<std::uint8_t> head;
    for (std::size_t wanted = k_read_bytes;; wanted = std::min(4 * wanted, detail::k_head_bytes)) {
        const bool whole = TRY(read_head(fd, path, head, wanted));
        if (head.empty())
            return fail(Errc::no_input, "{}: the input is empty", path);
        const detail::Head seen =
            detail::judge_head(head, whole || wanted == detail::k_head_bytes, terms);
        if (seen != detail::Head::unclear)
            return seen;
    }
}

Result<std::unique_ptr<media::TsInput>> open_regular(const std::string &path,
                                                     const media::StreamTerms &terms) {
    base::Fd file = TRY(open_file(path));
    if (TRY(judge_start(file.get(), path, terms)) == detail::Head::passes) {
        base::log::debug("{}: a transport stream, passed on as it is", path);
        return std::make_unique<FileInput>(std::move(file), path);
    }
    return media::open_media_file(path, terms);
}

// Raw media. Non-blocking: opening a FIFO would wait for its writer.
Result<std::unique_ptr<media::TsInput>> open_raw(const InputName &input, bool standard,
                                                 const media::StreamTerms &terms) {
    if (standard)
        return media::open_raw_stream(STDIN_FILENO, {}, input.path, input.caps, terms);
    base::Fd file = TRY(open_file(input.path, O_NONBLOCK));
    const int fd = file.get();
    return media::open_raw_stream(fd, std::move(file), input.path, input.caps, terms);
}

} // namespace

namespace detail {

Head judge_head(std::span<const std::uint8_t> bytes, bool whole, const media::StreamTerms &terms) {
    constexpr std::size_t k_row = 4; // packets in a row that make a transport stream
    for (std::size_t i = 0; i < k_row; ++i) {
        const std::size_t at = i * media::k_ts_packet_bytes;
        if (at >= bytes.size())
            return whole && i > 0 ? Head::passes : (whole ? Head::for_gstreamer : Head::unclear);
        if (bytes[at] != media::k_ts_sync_byte)
            return Head::for_gstreamer;
    }
    media::TsScanner scanner;
    scanner.feed(bytes);
    const media::TsProgram &program = scanner.program();
    if (program.video_pid == 0 && program.audio_pid == 0)
        return whole || bytes.size() >= k_head_bytes ? Head::for_gstreamer : Head::unclear;
    const auto fits = [&](media::TsCodec codec) {
        return codec == media::TsCodec::none || terms.allows(media::name(codec));
    };
    return fits(program.video) && fits(program.audio) ? Head::passes : Head::for_gstreamer;
}

} // namespace detail

Result<InputName> parse_input(std::string_view text, const DeviceWishes &wishes) {
    using Kind = InputName::Kind;
    if (text.empty())
        return fail(Errc::usage, "INPUT is empty");
    if (text == "-")
        return InputName{Kind::standard_input, "standard input"};
    if (text == "test:")
        return InputName{Kind::test, "test:"};
    if (text.starts_with("gst:"))
        return InputName{Kind::pipeline, std::string(text.substr(4))};
    if (text.starts_with("udp:") || text.starts_with("srt:")) {
        InputName out{Kind::network, std::string(text)};
        out.network = TRY(parse_network_name(text));
        return out;
    }
    if (names_device(text)) {
        InputName out{Kind::device, std::string(text)};
        out.devices = TRY(parse_devices(text, wishes));
        return out;
    }
    static constexpr std::array k_schemes{
        "test:", "rtmp:", "rtmps:", "http:", "https:", "rtsp:", "rtsps:"};
    for (const std::string_view scheme : k_schemes)
        if (text.starts_with(scheme))
            return fail_hint(
                Errc::usage,
                "a file, - (standard input), test:, udp://, srt://, rtsp://, v4l2:, alsa:, "
                "pulse: and gst: are read; bring others in with "
                "ffmpeg -i … -f mpegts - | push-stream ID -",
                "INPUT '{}': inputs of this kind are not read", text);
    return InputName{Kind::file, std::string(text)};
}

Result<void> check_input(const InputName &input) {
    using Kind = InputName::Kind;
    if (!input.caps.empty())
        TRY(media::check_raw_caps(input.caps));
    if (input.kind == Kind::pipeline)
        return media::check_user_pipeline(input.path);
    if (input.kind == Kind::device)
        return check_devices(input.devices);
    if (input.kind == Kind::test || input.kind == Kind::network)
        return {};
    const bool standard = input.kind == Kind::standard_input;
    struct stat info{};
    // Not by opening it: a FIFO's writer would see a reader come and go.
    if (!standard &&
        (::stat(input.path.c_str(), &info) != 0 || ::access(input.path.c_str(), R_OK) != 0))
        return fail_errno("open", input.path);
    if (standard && ::fstat(STDIN_FILENO, &info) != 0)
        return fail_errno("read", input.path);
    if (S_ISDIR(info.st_mode))
        return fail(Errc::bad_data, "{}: is a folder", input.path);
    if (S_ISREG(info.st_mode) && info.st_size == 0)
        return fail(Errc::no_input, "{}: the input is empty", input.path);
    if (standard && ::isatty(STDIN_FILENO) != 0)
        return fail_hint(Errc::usage, "ffmpeg -i … -f mpegts - | push-stream ID -",
                         "standard input is a terminal, not media");
    return {};
}

bool can_be_read_twice(const InputName &input) {
    using Kind = InputName::Kind;
    if ((input.kind != Kind::file && input.kind != Kind::standard_input) || !input.caps.empty())
        return false;
    struct stat info{};
    const bool standard = input.kind == Kind::standard_input;
    const std::string path = standard ? std::string(k_stdin_path) : input.path;
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           ::access(path.c_str(), R_OK) == 0;
}

Result<std::unique_ptr<media::TsInput>> open_input(const InputName &input,
                                                   const media::StreamTerms &terms) {
    using Kind = InputName::Kind;
    if (input.kind == Kind::test)
        return media::open_test_input(terms);
    if (input.kind == Kind::pipeline)
        return media::open_user_pipeline(input.path, terms);
    if (input.kind == Kind::network)
        return open_network(input.network, input.passphrase, terms);
    if (input.kind == Kind::device)
        return open_lasting(input.path, input.devices, terms);
    const bool standard = input.kind == Kind::standard_input;
    if (!input.caps.empty())
        return open_raw(input, standard, terms);
    struct stat info{};
    const std::string path = standard ? std::string(k_stdin_path) : input.path;
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
        auto opened = open_regular(path, terms); // `< file`, too, can be read like a file
        if (opened || !standard || opened.error().code != Errc::not_permitted)
            return opened;
    }
    if (standard)
        return detail::make_stream_input(STDIN_FILENO, {}, input.path, terms);
    // Non-blocking: opening a FIFO would wait for its writer.
    base::Fd stream = TRY(open_file(path, O_NONBLOCK));
    const int fd = stream.get();
    return detail::make_stream_input(fd, std::move(stream), path, terms);
}

} // namespace push
