#include "resolve.hpp"

#include "berth/image/sha256.hpp"

namespace berth::registry {
namespace {

std::string accepted_manifests() {
  std::string out;
  for (const char* type : {kOciIndex, kOciManifest, kDockerList, kDockerManifest, kDockerSchema1Signed, kDockerSchema1})
    out += (out.empty() ? "" : ", ") + std::string(type);
  return out;
}

struct Document {
  std::string bytes, digest, type;
};

class Resolution {
 public:
  Resolution(Session& session, const ResolveTask& task, std::string doing)
      : session_(session), task_(task), doing_(std::move(doing)) {}

  Result<std::string> digest() {
    auto told = digest_at_registry(task_.reference.tag);
    if (!told || is_sha256(*told)) return told;
    auto document = manifest(task_.reference.tag);
    if (!document) return document.error();
    return std::move(document->digest);
  }

  Result<Resolved> run() {
    const auto& reference = task_.reference;
    const std::string name = reference.digest.empty() ? reference.tag : reference.digest;
    Resolved out;
    if (!task_.known.empty()) {
      auto digest = digest_at_registry(name);
      if (!digest) return digest.error();
      if (task_.known.count(*digest)) {
        out.digest = std::move(*digest);
        out.known = true;
        return out;
      }
    }
    auto first = manifest(name);
    if (!first) return first.error();
    out.digest = first->digest;
    auto parsed = parse_manifest(first->bytes, first->type);
    if (!parsed) return parsed.error();
    if (const auto* index = std::get_if<ImageIndex>(&*parsed)) {
      auto chosen = choose_manifest(*index, task_.platform);
      if (!chosen) return chosen.error();
      first = manifest(chosen->digest);
      if (!first) return first.error();
      parsed = parse_manifest(first->bytes, first->type);
      if (!parsed) return parsed.error();
    }
    auto* image = std::get_if<ImageManifest>(&*parsed);
    if (!image) return Error::make(ErrorKind::Protocol, "the index leads to another index");
    out.manifest = std::move(*image);
    out.manifest_bytes = std::move(first->bytes);
    BERTH_TRY(read_config(out));
    return out;
  }

 private:
  std::string what() const { return doing_ + " `" + task_.reference.familiar() + "`"; }

  Request request_for(const char* method, const std::string& name) const {
    Request out;
    out.method = method;
    out.path = "/v2/" + task_.reference.path + "/manifests/" + name;
    out.headers = {{"Accept", accepted_manifests()}};
    return out;
  }

  // HEAD costs nothing of a pull limit. Empty where the registry does not tell.
  Result<std::string> digest_at_registry(const std::string& name) {
    auto response = session_.perform(request_for("HEAD", name));
    if (!response) return response.error();
    if (response->status == 405 || response->status == 501) return std::string();
    if (!response->is_good()) return session_.refusal(*response, what());
    return response->header("docker-content-digest");
  }

  Result<Document> manifest(const std::string& name) {
    auto response = session_.perform(request_for("GET", name));
    if (!response) return response.error();
    if (!response->is_good()) return session_.refusal(*response, what());
    Document out;
    out.bytes = std::move(response->body);
    out.digest = "sha256:" + image::sha256_hex(out.bytes);
    out.type = response->header("content-type");
    std::string promised = is_sha256(name) ? name : response->header("docker-content-digest");
    if (!promised.starts_with("sha256:")) promised.clear();
    if (!promised.empty() && promised != out.digest)
      return Error::make(ErrorKind::Protocol, "the manifest that came is not what the digest " + promised + " says");
    return out;
  }

  Result<void> read_config(Resolved& out) {
    const Descriptor& config = out.manifest.config;
    if (config.size > static_cast<std::int64_t>(kLargestText))
      return Error::make(ErrorKind::Protocol, "the image's config is larger than 4 MiB");
    Request request;
    request.path = "/v2/" + task_.reference.path + "/blobs/" + config.digest;
    auto response = session_.perform(request);
    if (!response) return response.error();
    if (!response->is_good()) return session_.refusal(*response, what());
    if ("sha256:" + image::sha256_hex(response->body) != config.digest)
      return Error::make(ErrorKind::Protocol, "the config that came is not what the digest " + config.digest + " says");
    out.config_bytes = std::move(response->body);
    auto parsed = oci::parse_image_config(out.config_bytes);
    if (!parsed) return parsed.error().while_doing("reading the image's config");
    out.config = std::move(*parsed);
    if (out.config.diff_ids.size() != out.manifest.layers.size())
      return Error::make(ErrorKind::Protocol,
                         "the image's config speaks of " + std::to_string(out.config.diff_ids.size()) +
                             " layers, and its manifest of " + std::to_string(out.manifest.layers.size()));
    for (const auto& diff_id : out.config.diff_ids)
      if (!is_sha256(diff_id))
        return Error::make(ErrorKind::Protocol, "the image's config has a diff id that is no sha256 digest");
    return {};
  }

  Session& session_;
  const ResolveTask& task_;
  std::string doing_;
};

}  // namespace

Result<Resolved> resolve_image(Session& session, const ResolveTask& task) {
  return Resolution(session, task, "pulling").run();
}
Result<std::string> resolve_digest(Session& session, const ResolveTask& task) {
  return Resolution(session, task, "looking up the digest of").digest();
}

}  // namespace berth::registry
