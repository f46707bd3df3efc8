#include "relay/receipt_files.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

namespace relay {

using base::Result;

namespace {

constexpr std::string_view k_prefix = "receipt-";
constexpr std::size_t k_max_file = 16'384;

Result<wire::SignedReceipt> load(const vault::Folder &folder, const std::string &name) {
    const auto json = TRY(wire::parse_json(TRY(folder.read(name, k_max_file)), name));
    return wire::read_receipt(json, name);
}

} // namespace

std::string file_name(const wire::Receipt &receipt) {
    return fmt::format("{}{}-{}.json", k_prefix, receipt.reservation.text(),
                       base::unix_ms(receipt.ended));
}

std::vector<wire::SignedReceipt> load_receipts(const vault::Folder &folder) {
    std::vector<wire::SignedReceipt> out;
    const auto names = folder.names();
    if (!names) {
        base::log::warning("{}", names.error().message);
        return out;
    }
    for (const std::string &name : *names) {
        if (!name.starts_with(k_prefix) || !name.ends_with(".json"))
            continue;
        auto receipt = load(folder, name);
        if (receipt)
            out.push_back(*std::move(receipt));
        else
            base::log::warning("{}: {}; control will not get it", folder.shown(name).native(),
                               receipt.error().message);
    }
    return out;
}

} // namespace relay
