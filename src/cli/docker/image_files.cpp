// `docker save`, `load`, `import`: images as files.
#include <fcntl.h>
#include <unistd.h>

#include "../commands.hpp"
#include "berth/image/load.hpp"
#include "berth/image/reference.hpp"
#include "berth/image/store.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "docker/commands.hpp"
#include "docker/image_names.hpp"
#include "docker/images.hpp"
#include "image_changes.hpp"

namespace berth::cli::docker {

// As `image save` does.
int run_save(const App& app) {
  App inner = app;
  inner.line.operands.insert(inner.line.operands.begin(), "save");
  return cli::run_image(inner);
}

int run_load(const App& app) {
  must(state::open_roots(app.paths));
  auto store = must(image::ImageStore::open(app.paths.root));
  const std::string source = app.line.options.text("input");
  sys::UniqueFd file;
  if (!source.empty() && source != "-")
    file = must(sys::open(source, O_RDONLY));
  else if (::isatty(STDIN_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "an archive is not read from a terminal")
                      .with_hint("`-i FILE`, or send it to the standard input"));
  for (const auto& image : must(image::load_images(store, file ? file.get() : STDIN_FILENO))) {
    for (const auto& name : image.references) print("Loaded image: " + familiar_name(name) + "\n");
    if (image.references.empty()) print("Loaded image ID: " + image.digest.value + "\n");
  }
  return kOk;
}

int run_import(const App& app) {
  must(state::open_roots(app.paths));
  auto store = must(image::ImageStore::open(app.paths.root));
  const std::string& source = app.line.operands[0];
  if (source.find("://") != std::string::npos)
    throw Failure(Error::make(ErrorKind::Unsupported, "`" + source + "`: archives are not fetched")
                      .with_hint("`curl -L URL | docker import - NAME`"));
  const std::string name =
      app.line.operands.size() > 1 ? must(image::parse_reference(app.line.operands[1])).to_string() : "";
  const auto changes = app.line.options.all("change");
  if (!changes.empty() && name.empty())
    throw Failure(Error::make(ErrorKind::Invalid, "--change needs a name for the image"));
  check_platform(app.line.options.text("platform"));
  auto config = oci::host_image_config();
  if (app.line.options.given("message")) {
    oci::ImageHistory entry;
    entry.comment = app.line.options.text("message");
    config.history.push_back(std::move(entry));
  }
  auto digest = source == "-" ? must(store.import_rootfs(STDIN_FILENO, name, config))
                              : must(store.import_rootfs(source, name, config));
  if (!changes.empty()) digest = apply_changes(app, store, digest, name, changes);
  print(digest.value + "\n");
  return kOk;
}

}  // namespace berth::cli::docker
