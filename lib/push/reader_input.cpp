// The part of the reader that opens the input and, when it may not pass as it is, has it encoded.
#include "push/reader.hpp"

#include "base/log.hpp"
#include "media/ts_judge.hpp"

namespace push {

using namespace std::chrono_literals;
using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {
constexpr base::Millis k_longest_look = 5s; // through a file before the start
constexpr base::Millis k_shortest_look = 500ms;
} // namespace

Result<void> Reader::open() {
    if (m_clock.now() >= m_hello->window.end)
        return fail(Errc::refused, "reservation {} ended at {}", m_options.reservation.text(),
                    base::format_rfc3339(m_hello->window.end));
    if (!m_options.paths.empty() && m_options.paths != "single" && m_hello->lines < 2)
        return fail_hint(Errc::config,
                         "resv-request book --carrier, twice, reserves two lines; terminal.toml "
                         "has an interface for each",
                         "--paths {}: there is one line only", m_options.paths);
    m_terms = {m_hello->max_rate, m_hello->max_gop_s, m_hello->codecs, m_options.encoder};
    if (m_terms.codecs.empty())
        m_terms.codecs = {"h264", "h265", "aac"};
    if (m_options.encoder != "auto")
        TRY(media::check_encoder(m_terms));
    if (can_be_read_twice(m_options.input))
        TRY(judge_file());
    m_input = TRY(open_again());
    return m_input->prepare();
}

// Read through as fast as it can be, before it counts; how far depends on the time that is left.
Result<void> Reader::judge_file() {
    const auto trial = TRY(open_input(m_options.input, m_terms));
    TRY(trial->prepare());
    TRY(trial->start());
    const auto left = m_hello->window.start - m_clock.now() - 1s;
    m_misfit = TRY(media::judge_input(
        *trial, m_terms,
        std::clamp(std::chrono::floor<base::Millis>(left), k_shortest_look, k_longest_look)));
    return {};
}

// What is not ready yet, prepared by the caller.
Result<std::unique_ptr<media::TsInput>> Reader::open_again() {
    auto input = TRY(open_input(m_options.input, m_terms));
    if (!m_misfit)
        return input;
    TRY(input->prepare());
    return encode(std::move(input), {}, {}, *m_misfit);
}

Result<void> Reader::begin() {
    const bool from_pipe = m_options.input.kind == InputName::Kind::standard_input;
    if (const auto why = m_input->misfit()) {
        m_input = TRY(encode(std::move(m_input), {}, {}, *why));
        TRY(m_input->prepare());
    }
    TRY(m_input->start());
    Pump::Reopen reopen;
    if ((m_options.loop || m_options.preflight) && !from_pipe)
        reopen = [this] { return open_again(); };
    m_pump = std::make_unique<Pump>(std::move(m_input), std::move(m_pipe), m_terms.max_rate,
                                    std::move(reopen));
    m_pump->record_to(m_options.recorder);
    m_pump->keep_to(m_terms,
                    [this](std::unique_ptr<media::TsInput> rest, std::vector<std::uint8_t> head,
                           base::Millis skip,
                           const std::string &why) -> Result<std::unique_ptr<media::TsInput>> {
                        auto out = TRY(encode(std::move(rest), std::move(head), skip, why));
                        TRY(out->prepare());
                        TRY(out->start());
                        return out;
                    });
    return {};
}

Result<std::unique_ptr<media::TsInput>> Reader::encode(std::unique_ptr<media::TsInput> rest,
                                                       std::vector<std::uint8_t> head,
                                                       base::Millis skip, const std::string &why) {
    const std::string &name = m_options.input.path;
    if (!m_encoding) {
        m_line.clear();
        base::log::warning("{}: {}: it is encoded", name, why);
    }
    m_encoding = true;
    m_misfit = why; // of the next pass too
    return media::open_transcoder(std::move(rest), name, std::move(head), skip, m_terms);
}

} // namespace push
