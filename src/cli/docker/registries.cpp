// `docker pull` and `push`.
#include "berth/image/reference.hpp"
#include "docker/commands.hpp"
#include "pull_images.hpp"
#include "push_images.hpp"

namespace berth::cli::docker {

int run_pull(const App& app) {
  const OptionValues& given = app.line.options;
  const auto reference = must(image::parse_reference(app.line.operands[0]));
  const bool quiet = given.flag("quiet");
  const auto pulled = pull_image(app, reference.familiar(), given.text("platform"), quiet);
  // Compat: the name in full is the last line, and the only one of --quiet.
  if (!quiet)
    print("Digest: " + pulled.digest +
          "\nStatus: " + (pulled.up_to_date ? "Image is up to date for " : "Downloaded newer image for ") +
          reference.familiar() + "\n");
  print(reference.to_string() + "\n");
  return kOk;
}

int run_push(const App& app) {
  const auto reference = must(image::parse_reference(app.line.operands[0]));
  const bool quiet = app.line.options.flag("quiet");
  const auto pushed = push_image(app, reference.familiar(), quiet);
  if (quiet)
    print(reference.to_string() + "\n");
  else
    print(reference.tag + ": digest: " + pushed.digest + " size: " + std::to_string(pushed.size) + "\n");
  return kOk;
}

}  // namespace berth::cli::docker
