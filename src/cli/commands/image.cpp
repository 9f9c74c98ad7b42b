// `image import FILE [NAME]`, `image ls`, `image rm NAME...`, `image load`, `image save NAME...`: the store by itself,
// without a project.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>

#include "berth/base/random.hpp"
#include "berth/image/load.hpp"
#include "berth/image/reference.hpp"
#include "berth/image/save.hpp"
#include "berth/image/store.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "berth/text/duration.hpp"
#include "berth/text/suggest.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "image_changes.hpp"
#include "render/container_view.hpp"
#include "render/table.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

std::string hex_of(const ImageDigest& digest) { return digest.value.substr(digest.value.find(':') + 1); }

void require_operands(const App& app, std::size_t least, std::size_t most, const char* form) {
  const std::size_t count = app.line.operands.size() - 1;
  if (count < least || count > most)
    throw Failure(Error::make(ErrorKind::Invalid, "`image " + app.line.operands[0] + "` takes " + form)
                      .with_hint("`" + app.program + " image --help` shows all forms"));
}

int import_image(const App& app, image::ImageStore& store) {
  require_operands(app, 1, 2, "an archive and at most one name");
  const std::string& archive = app.line.operands[1];
  const std::string name =
      app.line.operands.size() > 2 ? must(image::parse_reference(app.line.operands[2])).to_string() : "";
  const auto changes = app.line.options.all("change");
  if (!changes.empty() && name.empty())
    throw Failure(Error::make(ErrorKind::Invalid, "--change needs a name for the image"));
  ImageDigest digest = must(store.import_rootfs(archive, name, oci::host_image_config()));
  if (!changes.empty()) digest = apply_changes(app, store, digest, name, changes);
  print(digest.value + "\n");
  return kOk;
}

struct Row {
  std::string repository = "<none>", tag = "<none>", id, created, size;
};

int list_images(const App& app, image::ImageStore& store) {
  require_operands(app, 0, 0, "no operand");
  const std::int64_t now = now_ns();
  std::vector<std::vector<std::string>> table{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
  const std::string format = app.line.options.text("format");
  for (const auto& image : must(store.list())) {
    if (app.line.options.flag("quiet")) {
      print(hex_of(image.digest).substr(0, 12) + "\n");
      continue;
    }
    std::vector<std::string> names = image.references;
    if (names.empty()) names.emplace_back();
    for (const auto& name : names) {
      Row row{.id = hex_of(image.digest).substr(0, 12),
              .created = age_text(image.created_at, now),
              .size = text::format_byte_size(image.size)};
      if (!name.empty()) {
        const auto reference = must(image::parse_reference(name));
        row.repository = reference.repository();
        row.tag = reference.tag.empty() ? "<none>" : reference.tag;
      }
      if (format == "json")
        print(boost::json::serialize(boost::json::object{{"Repository", row.repository},
                                                         {"Tag", row.tag},
                                                         {"ID", row.id},
                                                         {"CreatedSince", row.created},
                                                         {"Size", row.size}}) +
              "\n");
      else
        table.push_back({row.repository, row.tag, row.id, row.created, row.size});
    }
  }
  if (format != "json" && !app.line.options.flag("quiet")) print(format_table(table));
  return kOk;
}

int remove_images(const App& app, image::ImageStore& store) {
  require_operands(app, 1, SIZE_MAX, "at least one name");
  int code = kOk;
  for (std::size_t i = 1; i < app.line.operands.size(); ++i) {
    const auto digest = store.find(app.line.operands[i]);
    const auto removed = digest ? store.remove(app.line.operands[i], image_users(app, *digest))
                                : Result<image::ImageStore::Removed>(digest.error());
    if (!removed) {
      print_error(removed.error());
      code = kFailed;
      continue;
    }
    for (const auto& name : removed->untagged) print("Untagged: " + name + "\n");
    for (const auto& gone : removed->deleted) print("Deleted: " + gone.value + "\n");
  }
  return code;
}

// To a file by way of a temporary one, so that what stands there is whole; or to where standard output goes.
int save_images_to(const App& app, image::ImageStore& store) {
  require_operands(app, 1, SIZE_MAX, "at least one name");
  const std::vector<std::string> names(app.line.operands.begin() + 1, app.line.operands.end());
  for (const auto& name : names) must(store.find(name));
  const std::string target = app.line.options.text("output");
  if (target.empty() || target == "-") {
    if (::isatty(STDOUT_FILENO))
      throw Failure(Error::make(ErrorKind::Invalid, "an archive is not written to a terminal")
                        .with_hint("`-o FILE`, or send the output somewhere"));
    must(image::save_images(store, names, STDOUT_FILENO));
    return kOk;
  }
  const std::string temporary = target + ".tmp-" + random_hex(4);
  const auto file = must(sys::open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
  auto saved = image::save_images(store, names, file.get());
  if (saved && ::rename(temporary.c_str(), target.c_str()) != 0) saved = Error::system(errno, "write", target);
  if (!saved) {
    ::unlink(temporary.c_str());
    throw Failure(saved.error());
  }
  return kOk;
}

int load_images_from(const App& app, image::ImageStore& store) {
  require_operands(app, 0, 0, "no operand: the archive comes by --input or on the standard input");
  const std::string source = app.line.options.text("input");
  sys::UniqueFd file;
  if (source.empty() || source == "-") {
    if (::isatty(STDIN_FILENO))
      throw Failure(Error::make(ErrorKind::Invalid, "an archive is not read from a terminal")
                        .with_hint("`-i FILE`, or send it to the standard input"));
  } else {
    file = must(sys::open(source, O_RDONLY));
  }
  for (const auto& image : must(image::load_images(store, file ? file.get() : STDIN_FILENO))) {
    for (const auto& name : image.references) print("Loaded image: " + name + "\n");
    if (image.references.empty()) print("Loaded image ID: " + image.digest.value + "\n");
  }
  return kOk;
}

}  // namespace

int run_image(const App& app) {
  const std::string& verb = app.line.operands[0];
  using Verb = int (*)(const App&, image::ImageStore&);
  static const std::map<std::string, Verb> kVerbs{{"import", import_image}, {"ls", list_images},
                                                  {"list", list_images},    {"load", load_images_from},
                                                  {"rm", remove_images},    {"save", save_images_to}};
  const auto known = kVerbs.find(verb);
  if (known == kVerbs.end()) {
    auto error = Error::make(ErrorKind::Invalid, "unknown command `image " + verb + "`");
    const auto near = text::nearest(verb, {"import", "load", "ls", "rm", "save"});
    throw Failure(std::move(error).with_hint(near ? "did you mean `image " + *near + "`?"
                                                  : "there are import, load, ls, rm and save"));
  }
  must(state::open_roots(app.paths));
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  return known->second(app, store);
}

}  // namespace berth::cli
