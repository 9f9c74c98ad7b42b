#include "image_changes.hpp"

#include <cstdio>
#include <set>

#include "berth/build/build.hpp"
#include "stack.hpp"

namespace berth::cli {

ImageDigest apply_changes(const App& app, image::ImageStore& store, const ImageDigest& imported,
                          const std::string& name, const std::vector<std::string>& changes) {
  build::BuildRequest request;
  request.context = "/";
  request.dockerfile_inline = "FROM " + name + "\n";
  for (const auto& change : changes) {
    const std::string word = change.substr(0, change.find(' '));
    static const std::set<std::string> kAllowed{"CMD",        "ENTRYPOINT", "ENV",    "EXPOSE", "LABEL",
                                                "STOPSIGNAL", "USER",       "VOLUME", "WORKDIR"};
    if (!kAllowed.count(word) || change.find('\n') != std::string::npos)
      throw Failure(Error::make(ErrorKind::Invalid, "`" + change + "` cannot be a --change")
                        .with_hint("one of CMD ENTRYPOINT ENV EXPOSE LABEL STOPSIGNAL USER VOLUME WORKDIR"));
    request.dockerfile_inline += change + "\n";
  }
  request.tags = {name};
  build::BuildPorts ports{.images = &store,
                          .root = app.paths.root,
                          .run_root = app.paths.run_root,
                          .cancelled = [] { return false; },
                          .cancel_fd = -1,
                          .pull = {},
                          .network = {}};
  const auto outcome = build::build(request, ports, [](const build::BuildEvent& event) {
    if (event.kind == build::BuildEvent::Kind::Failed) std::fputs(build::render_failure(event).c_str(), stderr);
  });
  if (!outcome) throw Failure(outcome.error());
  // The name has gone over to the new image; the one before may have had others, or be in use, since before.
  for (const auto& image : must(store.list()))
    if (image.digest == imported && image.digest != outcome->digest && image.references.empty() &&
        image_users(app, imported).empty())
      must(store.remove(imported.value, {}));
  return outcome->digest;
}

}  // namespace berth::cli
