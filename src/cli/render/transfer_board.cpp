#include "render/transfer_board.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "berth/text/duration.hpp"
#include "render/columns.hpp"

namespace berth::cli {
namespace {

using registry::Phase;
using registry::TransferEvent;

std::string bytes_of(std::int64_t current, std::int64_t total) {
  std::string out = text::format_byte_size({current});
  if (total > 0) out += "/" + text::format_byte_size({total});
  return out;
}

// "[=====>    ]"
std::string bar(std::int64_t current, std::int64_t total, std::size_t width) {
  const auto filled =
      total > 0 ? static_cast<std::size_t>(std::min(current, total) * static_cast<std::int64_t>(width) / total) : 0;
  std::string out(filled, '=');
  if (filled < width) out += '>';
  out.resize(width, ' ');
  return "[" + out + "]";
}

const char* color_of(Phase phase) {
  if (phase == Phase::Failed) return "31";
  return is_last_phase(phase) ? "32" : "34";
}

std::string mark_of(Phase phase, std::int64_t now) {
  if (phase == Phase::Failed) return "✘";
  return is_last_phase(phase) ? "✔" : spinner(now);
}

bool moves_bytes(Phase phase) { return phase == Phase::Downloading || phase == Phase::Uploading; }

}  // namespace

const char* phase_words(Phase phase) {
  switch (phase) {
    case Phase::Pulling: return "Pulling";
    case Phase::Pulled: return "Pulled";
    case Phase::UpToDate: return "Up to date";
    case Phase::Pushing: return "Pushing";
    case Phase::Pushed: return "Pushed";
    case Phase::Failed: return "Error";
    case Phase::Waiting: return "Waiting";
    case Phase::Downloading: return "Downloading";
    case Phase::Extracting: return "Extracting";
    case Phase::PullComplete: return "Pull complete";
    case Phase::AlreadyExists: return "Already exists";
    case Phase::Preparing: return "Preparing";
    case Phase::Uploading: return "Pushing";
    case Phase::LayerPushed: return "Pushed";
    case Phase::LayerExists: return "Layer already exists";
    case Phase::Mounted: return "Mounted";
    case Phase::Retrying: return "Retrying";
  }
  return "";
}

bool is_last_phase(Phase phase) {
  switch (phase) {
    case Phase::Pulled:
    case Phase::UpToDate:
    case Phase::Pushed:
    case Phase::Failed:
    case Phase::PullComplete:
    case Phase::AlreadyExists:
    case Phase::LayerPushed:
    case Phase::LayerExists:
    case Phase::Mounted: return true;
    case Phase::Pulling:
    case Phase::Pushing:
    case Phase::Waiting:
    case Phase::Downloading:
    case Phase::Extracting:
    case Phase::Preparing:
    case Phase::Uploading:
    case Phase::Retrying: return false;
  }
  return false;
}

void TransferBoard::apply(const TransferEvent& event, std::int64_t now) {
  auto image =
      std::find_if(images_.begin(), images_.end(), [&](const Image& each) { return each.name == event.image; });
  if (image == images_.end()) {
    images_.push_back({event.image, event, now, now, {}});
    image = images_.end() - 1;
  }
  image->until = now;
  if (event.layer.empty()) {
    image->last = event;
    return;
  }
  auto& layers = image->layers;
  auto layer = std::find_if(layers.begin(), layers.end(), [&](const Layer& each) { return each.name == event.layer; });
  if (layer == layers.end())
    layers.push_back({event.layer, event});
  else
    layer->last = event;
}

std::string TransferBoard::header(const Screen& screen) const {
  const auto done =
      std::count_if(images_.begin(), images_.end(), [](const Image& image) { return is_last_phase(image.last.phase); });
  const bool pushes = images_.front().last.phase == Phase::Pushing || images_.front().last.phase == Phase::Pushed;
  const bool all = static_cast<std::size_t>(done) == images_.size();
  return paint(
      fit(fmt::format("[+] {} {}/{}", pushes ? "Pushing" : "Pulling", done, images_.size()), screen.columns - 1), "34",
      screen.color && !all);
}

std::string TransferBoard::image_line(const Image& image, std::int64_t now, const Screen& screen) const {
  std::size_t width = 0;
  for (const Image& each : images_) width = std::max(width, columns_of(each.name));
  const Phase phase = image.last.phase;
  const std::string time = elapsed_text((is_last_phase(phase) ? image.until : now) - image.since);
  std::string text;
  if (phase == Phase::Failed || phase == Phase::Retrying) {
    text = std::string(phase_words(phase)) + "  " + printable(image.last.text);
  } else if (is_last_phase(phase) || image.layers.empty()) {
    text = phase_words(phase);
  } else {
    std::int64_t current = 0, total = 0;
    std::size_t done = 0;
    for (const Layer& layer : image.layers) {
      done += is_last_phase(layer.last.phase);
      total += layer.last.total;
      current += is_last_phase(layer.last.phase) ? layer.last.total : layer.last.current;
    }
    text = fmt::format("{}/{} layers  {}  {}", done, image.layers.size(), bar(current, total, 20),
                       bytes_of(current, total));
  }
  const std::size_t room = screen.columns > 4 + time.size() ? screen.columns - 4 - time.size() : 1;
  const std::string line = pad(fit(pad(image.name, width) + "  " + text, room - 1), room - 1);
  return " " + paint(mark_of(phase, now), color_of(phase), screen.color) + " " + line + " " + time;
}

std::string TransferBoard::layer_line(const Layer& layer, std::int64_t now, const Screen& screen) const {
  const Phase phase = layer.last.phase;
  std::string text = layer.name + "  " + phase_words(phase);
  if (moves_bytes(phase))
    text +=
        "  " + bar(layer.last.current, layer.last.total, 20) + "  " + bytes_of(layer.last.current, layer.last.total);
  if (phase == Phase::Retrying) text += "  " + printable(layer.last.text);
  const std::size_t room = screen.columns > 7 ? screen.columns - 7 : 1;
  return "   " + paint(mark_of(phase, now), color_of(phase), screen.color) + " " + fit(text, room);
}

std::vector<std::string> TransferBoard::whole(std::int64_t now, const Screen& screen) const {
  if (images_.empty()) return {};
  std::vector<std::string> out{header(screen)};
  for (const Image& image : images_) out.push_back(image_line(image, now, screen));
  return out;
}

std::vector<std::string> TransferBoard::frame(std::int64_t now, const Screen& screen) const {
  if (images_.empty()) return {};
  // Images before layers, layers at work before those that are done, as far as there is room.
  const std::size_t room = screen.rows > 2 ? screen.rows - 2 : 1;
  std::size_t left = room > images_.size() + 1 ? room - images_.size() - 1 : 0;
  std::vector<const Layer*> shown;
  for (const bool finished : {false, true})
    for (const Image& image : images_) {
      if (is_last_phase(image.last.phase)) continue;
      for (const Layer& layer : image.layers)
        if (is_last_phase(layer.last.phase) == finished && left > 0) {
          shown.push_back(&layer);
          --left;
        }
    }
  std::vector<std::string> out{header(screen)};
  for (const Image& image : images_) {
    if (out.size() >= room) break;
    out.push_back(image_line(image, now, screen));
    for (const Layer& layer : image.layers)
      if (std::find(shown.begin(), shown.end(), &layer) != shown.end()) out.push_back(layer_line(layer, now, screen));
  }
  return out;
}

}  // namespace berth::cli
