// The pages of `berth explain`, by family. Internal to the module.
#pragma once

#include <span>

#include "berth/compose/explain.hpp"
#include "codes.hpp"

namespace berth::compose {

struct Page {
  Code code;
  std::string_view title, text, mistake, mend;
};

extern const std::span<const Page> kPagesOfText;       // YAML, files, variables
extern const std::span<const Page> kPagesOfStructure;  // keys and the forms of single values
extern const std::span<const Page> kPagesOfModel;      // what contradicts itself, and what this version does not do

}  // namespace berth::compose
