// The files of one recording as the spool's thread writes them.
#pragma once

#include "relay/recording.hpp"

namespace relay {

/// Not thread-safe. Nothing is opened or made before the first segment. Files have mode 0640, the
/// folder 0750. Every error leaves what was whole before as it was.
class RecordingFiles {
  public:
    explicit RecordingFiles(RecordingPtr recording) : m_recording(std::move(recording)) {}

    /// Appends the bytes of @p segment, durably, and its line to the index. A file that has
    /// @p file_bytes is followed by the next.
    [[nodiscard]] base::Result<RecordedSegment>
    write(const Segment &segment, const std::vector<Slice> &media, std::int64_t file_bytes);
    /// Makes the index durable.
    [[nodiscard]] base::Result<void> sync_index() const;
    /// Writes down until when the recording is kept, if there is one.
    [[nodiscard]] base::Result<void> keep();
    /// Likewise that it has ended, or that the relay has.
    [[nodiscard]] base::Result<void> close(std::int64_t next_sequence, bool ended);

  private:
    [[nodiscard]] base::Result<void> remove_torn();
    [[nodiscard]] base::Result<void> open_index();
    [[nodiscard]] base::Result<void> open_media(std::int64_t sequence, std::int64_t file_bytes);
    [[nodiscard]] base::Result<void> append(std::string_view line);
    [[nodiscard]] base::Result<void> write_until();

    RecordingPtr m_recording;
    base::Fd m_index;
    base::Fd m_media;
    std::int64_t m_file = 0;   ///< its number
    std::int64_t m_offset = 0; ///< bytes of whole segments in it
    base::UtcTime m_written_until{};
    bool m_clean = false;
};

/// Removes the files of a recording and its folder; what else is in that stays, with a warning.
[[nodiscard]] base::Result<void> remove_recording(const std::filesystem::path &folder);

} // namespace relay
