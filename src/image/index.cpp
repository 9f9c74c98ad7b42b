#include "index.hpp"

#include <sqlite3.h>

#include "berth/sys/file.hpp"

namespace berth::image {
namespace {

constexpr int kSchema = 2;  // 2: origins, layer_blobs
constexpr int kBusyMilliseconds = 10'000;

constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS layers(id TEXT PRIMARY KEY, created INTEGER, size INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images(digest TEXT PRIMARY KEY, created INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS image_layers(digest TEXT, position INTEGER, layer TEXT, PRIMARY KEY(digest, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refs(reference TEXT PRIMARY KEY, digest TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS imports(content TEXT PRIMARY KEY, layer TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cache(key TEXT PRIMARY KEY, layer TEXT, value TEXT, used INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases(lease TEXT, layer TEXT, PRIMARY KEY(lease, layer)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origins(repository TEXT, digest TEXT, image TEXT, manifest TEXT, config TEXT, pulled INTEGER, PRIMARY KEY(repository, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS layer_blobs(layer TEXT, repository TEXT, digest TEXT, media_type TEXT, size INTEGER, diff_id TEXT, PRIMARY KEY(layer, repository, digest)) WITHOUT ROWID;
)";

ErrorKind kind_of_sqlite(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY: return ErrorKind::Busy;
    case SQLITE_FULL: return ErrorKind::NoSpace;
    case SQLITE_PERM:
    case SQLITE_READONLY: return ErrorKind::Permission;
    default: return ErrorKind::Failed;
  }
}

Error index_error(sqlite3* handle, const std::string& operation) {
  return Error::make(kind_of_sqlite(sqlite3_extended_errcode(handle)),
                     operation + " image index: " + sqlite3_errmsg(handle));
}

}  // namespace

void Index::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }

Result<Index> Index::open(const std::string& path) {
  // One at a time: the change to WAL does not wait for another process, it is refused as busy.
  const auto lock = sys::lock_file(path + ".lock", sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  Index index;
  sqlite3* handle = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  index.handle_.reset(handle);
  if (status != SQLITE_OK) return index_error(handle, "open");
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // The last one to close would write the log into the file and sync both, for seconds where the disk is busy, and a
  // supervisor that hands over is waited for. The next writer with a long log does it.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  const auto version = index.rows("PRAGMA user_version");
  if (!version) return version.error();
  const int found = version->empty() ? 0 : std::stoi(version->front().front());
  if (found > kSchema) return Error::make(ErrorKind::Unsupported, "`" + path + "` was written by a newer berth");
  // NORMAL: no fsync per commit. A power cut may lose the last commits, never the file.
  BERTH_TRY(index.run("PRAGMA synchronous=NORMAL"));
  if (found < kSchema) {
    BERTH_TRY(index.rows("PRAGMA journal_mode=WAL"));
    char* message = nullptr;
    const std::string sql =
        std::string("BEGIN IMMEDIATE;") + kTables + "PRAGMA user_version=" + std::to_string(kSchema) + ";COMMIT";
    if (sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message) != SQLITE_OK) {
      sqlite3_free(message);
      return index_error(handle, "create");
    }
  }
  return index;
}

Result<std::vector<Index::Row>> Index::rows(const std::string& sql, const std::vector<std::string>& parameters) const {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &raw, nullptr) != SQLITE_OK)
    return index_error(handle_.get(), "read");
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    sqlite3_bind_text(raw, static_cast<int>(i + 1), parameters[i].data(), static_cast<int>(parameters[i].size()),
                      SQLITE_STATIC);
  std::vector<Row> out;
  for (;;) {
    const int status = sqlite3_step(raw);
    if (status == SQLITE_DONE) return out;
    if (status != SQLITE_ROW) return index_error(handle_.get(), "use");
    auto& row = out.emplace_back();
    for (int column = 0; column < sqlite3_column_count(raw); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, column));
      row.emplace_back(text ? text : "", text ? static_cast<std::size_t>(sqlite3_column_bytes(raw, column)) : 0);
    }
  }
}

Result<void> Index::run(const std::string& sql, const std::vector<std::string>& parameters) const {
  const auto done = rows(sql, parameters);
  if (!done) return done.error();
  return {};
}

Result<void> Index::atomically(const std::function<Result<void>()>& body) const {
  BERTH_TRY(run("BEGIN IMMEDIATE"));
  auto done = body();
  if (done) done = run("COMMIT");
  if (!done && sqlite3_get_autocommit(handle_.get()) == 0)
    sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  return done;
}

}  // namespace berth::image
