// The live picture of pulls and pushes: a line for each image, below it one for each of its layers. A pure state
// machine like Board: events and times in, frames out.
//
//   [+] Pulling 1/2
//    ✔ redis   Pulled                                        1.2s
//    ⠹ nginx   2/5 layers  [=======>            ]  12MB/45MB  2.3s
//      ✔ 9824c27679d3  Pull complete
//      ⠹ 12ab34cd56ef  Downloading  [=====>    ]  12MB/30MB
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/registry/transfer.hpp"
#include "render/board.hpp"

namespace berth::cli {

// As docker says it: "Pull complete".
const char* phase_words(registry::Phase phase);
bool is_last_phase(registry::Phase phase);  // nothing comes after it for that image or layer

class TransferBoard {
 public:
  void apply(const registry::TransferEvent& event, std::int64_t now);

  std::vector<std::string> frame(std::int64_t now, const Screen& screen) const;
  std::vector<std::string> whole(std::int64_t now, const Screen& screen) const;  // without layers

  bool empty() const noexcept { return images_.empty(); }

 private:
  struct Layer {
    std::string name;
    registry::TransferEvent last;
  };
  struct Image {
    std::string name;
    registry::TransferEvent last;
    std::int64_t since = 0, until = 0;
    std::vector<Layer> layers;
  };

  std::string header(const Screen& screen) const;
  std::string image_line(const Image& image, std::int64_t now, const Screen& screen) const;
  std::string layer_line(const Layer& layer, std::int64_t now, const Screen& screen) const;

  std::vector<Image> images_;
};

}  // namespace berth::cli
