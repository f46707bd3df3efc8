// A text that many viewers get, with what a cache needs to know of it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace relay {

/// Immutable and thread-safe. Tag and compressed form are made when they are first asked for, once
/// for all viewers, so that a playlist which nobody fetches costs neither.
class Document {
  public:
    explicit Document(std::string text) : m_text(std::move(text)) {}

    [[nodiscard]] const std::string &text() const { return m_text; }
    /// The same as gzip (RFC 1952), the same bytes each time.
    [[nodiscard]] const std::string &gzip() const;
    /// A strong entity tag with its quotes; of the compressed form another one.
    [[nodiscard]] std::string etag(bool compressed) const;

  private:
    const std::string m_text;
    mutable std::once_flag m_tagged;
    mutable std::once_flag m_compressed;
    mutable std::string m_tag;
    mutable std::string m_gzip;
};
using DocumentPtr = std::shared_ptr<const Document>;

/// @p text as gzip.
[[nodiscard]] std::string compress(std::string_view text);

} // namespace relay
