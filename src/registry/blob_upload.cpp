#include "blob_upload.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "berth/image/layer_tar.hpp"
#include "berth/image/sha256.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/signal_fd.hpp"
#include "gzip_writer.hpp"
#include "token.hpp"

namespace berth::registry {
namespace {

BodySource text_source(const std::string& text) {
  return [&text, at = std::size_t{0}](char* buffer, std::size_t length) mutable -> Result<std::size_t> {
    const std::size_t count = text.copy(buffer, length, at);
    at += count;
    return count;
  };
}

}  // namespace

Result<PackedLayer> pack_layer(const std::string& diff, const std::string& folder, int stop_fd) {
  PackedLayer out;
  auto file = sys::open(folder, O_TMPFILE | O_RDWR, 0600);
  if (!file) return file.error();
  image::Sha256 packed, plain;
  GzipWriter gzip([&](std::string_view bytes) -> Result<void> {
    packed.add(bytes);
    out.size += static_cast<std::int64_t>(bytes.size());
    if (stop_fd >= 0 && sys::is_readable(stop_fd)) return Error::make(ErrorKind::Cancelled, "interrupted");
    return sys::write_all(file->get(), bytes, "a packed layer");
  });
  // Small pieces of the tar's headers are gathered: what is to be compressed comes in large ones.
  std::string gathered;
  constexpr std::size_t kPiece = 256 * 1024;
  gathered.reserve(2 * kPiece);
  const auto pass_on = [&]() -> Result<void> {
    plain.add(gathered);
    BERTH_TRY(gzip.add(gathered));
    gathered.clear();
    return {};
  };
  BERTH_TRY(image::write_layer_tar(diff, [&](std::string_view bytes) -> Result<void> {
    gathered += bytes;
    return gathered.size() < kPiece ? Result<void>() : pass_on();
  }));
  BERTH_TRY(pass_on());
  BERTH_TRY(gzip.finish());
  out.digest = "sha256:" + packed.hex();
  out.diff_id = "sha256:" + plain.hex();
  out.file = std::move(*file);
  return out;
}

Result<bool> BlobUploads::has(const std::string& digest) {
  Request request;
  request.method = "HEAD";
  request.path = "/v2/" + repository_ + "/blobs/" + digest;
  auto response = session_.perform(request);
  if (!response) return response.error();
  if (response->status == 404) return false;
  if (!response->is_good()) return session_.refusal(*response, "looking for " + digest.substr(0, 19));
  return true;
}

Result<bool> BlobUploads::mount(const std::string& digest, const std::string& from) {
  Request request;
  request.method = "POST";
  request.path = uploads() + "?mount=" + percent_encoded(digest) + "&from=" + percent_encoded(from);
  auto response = session_.perform(request);
  if (!response) return response.error();
  if (response->status == 201) return true;
  // 202: an upload that nobody will go on with; the registry forgets it in time. Who may not read the other repository
  // is refused, and sends the blob itself.
  return false;
}

Result<void> BlobUploads::put(const std::string& digest, std::int64_t size, const std::function<BodySource()>& rewind) {
  const std::string what = "pushing " + digest.substr(0, 19);
  const auto begun = [&]() -> Result<Request> {
    Request begin;
    begin.method = "POST";
    begin.path = uploads();
    auto response = session_.perform(begin);
    if (!response) return response.error();
    if (response->status != 202) return session_.refusal(*response, what);
    auto place = resolve_location(session_.answered_at(), response->header("location"));
    if (!place) return place.error().while_doing("reading where the registry wants the blob");
    place->target += (place->target.find('?') == std::string::npos ? "?" : "&") + ("digest=" + percent_encoded(digest));
    Request put;
    put.method = "PUT";
    put.at = std::move(*place);
    put.headers = {{"Content-Type", "application/octet-stream"}};
    put.source = rewind();
    put.length = static_cast<std::uint64_t>(size);
    return put;
  };
  auto response = session_.perform(begun);
  if (!response) return response.error().while_doing(what);
  if (response->status != 201 && !response->is_good()) return session_.refusal(*response, what);
  return {};
}

Result<void> BlobUploads::put_text(const std::string& digest, const std::string& text) {
  return put(digest, static_cast<std::int64_t>(text.size()), [&] { return text_source(text); });
}

}  // namespace berth::registry
