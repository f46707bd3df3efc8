// The library of nft(8), for the files of this module only.
#pragma once

#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct nft_ctx;

namespace route {

/// One connection to nftables: tables that are made with `flags owner` go with it.
class Nft {
  public:
    /// Whether lists print the values of counters.
    enum class Counters { hidden, shown };
    explicit Nft(Counters counters);

    /// Runs @p commands in one transaction: what nft printed. no_input: something of it is not
    /// there; not_permitted: without CAP_NET_ADMIN.
    [[nodiscard]] base::Result<std::string> run(const std::string &commands);

  private:
    struct Free {
        void operator()(nft_ctx *context) const;
    };
    std::unique_ptr<nft_ctx, Free> m_context;
};

/// Words of what nft prints, with braces standing alone and separators dropped.
[[nodiscard]] std::vector<std::string> nft_words(std::string_view text);

} // namespace route
