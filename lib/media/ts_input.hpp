// Anything that yields a transport stream.
#pragma once

#include "base/result.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace media {

/// Pulled by one thread; whatever threads an implementation has of its own stay hidden.
class TsInput {
  public:
    enum class State { more, nothing_yet, end };

    virtual ~TsInput() = default;
    TsInput() = default;
    TsInput(const TsInput &) = delete;
    TsInput &operator=(const TsInput &) = delete;

    /// Gets ready to yield at once, without waiting for it: opens, finds the decoders, fills the
    /// first buffers. Errors may also come later, from read(), which may be called from now on.
    [[nodiscard]] virtual base::Result<void> prepare() = 0;
    /// Media begins. Once, after prepare().
    [[nodiscard]] virtual base::Result<void> start() = 0;
    /// Readable when read() has news; -1 when it always has.
    [[nodiscard]] virtual int fd() const = 0;
    /// Appends what there is, at most some 64 KB, to @p into; never waits.
    [[nodiscard]] virtual base::Result<State> read(std::vector<std::uint8_t> &into) = 0;
    /// True for what comes at its own pace and is lost when nobody reads it.
    [[nodiscard]] virtual bool live() const { return false; }
    /// Its pictures, or the sound of what has none, are encoded here: they keep to the terms.
    [[nodiscard]] virtual bool encodes() const { return false; }
    /// What it was seen to break of the terms before it was started, when it is live; see TsJudge.
    [[nodiscard]] virtual std::optional<std::string> misfit() { return std::nullopt; }
    /// What read() yields from now on is another stream than before; told once for each.
    [[nodiscard]] virtual bool restarted() { return false; }
    /// From now on the stream should stay below @p rate, as far as it is encoded here.
    virtual void hold_to(base::BitRate /*rate*/) {}
};

} // namespace media
