// The PostgreSQL servers of the tests: tests/lib/postgres.
#pragma once

#include <filesystem>
#include <string>

namespace postgres_test {

/// A server that ends with this.
class Server {
  public:
    Server();
    /// The one in @p folder, which is left running.
    explicit Server(std::filesystem::path folder) : m_folder(std::move(folder)) {}
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;
    ~Server();

    /// The URI of a new, empty database.
    [[nodiscard]] std::string database() const;
    /// Ends it, as a crash does or as its administrator, and starts it again.
    void restart(bool crash) const;

  private:
    [[nodiscard]] std::string run(std::string_view verb) const;
    std::filesystem::path m_own; // empty: not ours
    std::filesystem::path m_folder;
};

/// The URI of a database without a ledger, the same each time.
std::string empty_database();

} // namespace postgres_test
