// Documents of compose files, with what they include and extend, as one tree.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "passes.hpp"

namespace berth::compose {

struct Scope {
  std::string path;
  std::string directory;  // relative paths of included files start here
  const Variables& variables;
  const VariablePlaces& places;
  std::vector<std::string> chain;  // files that include this one
  // Files that services extend, by path, with these variables. Their services may be extended already, but for tags and
  // paths.
  std::map<std::string, Node>* extended = nullptr;
};

// A file's documents, each a map; what is none gives a diagnostic.
std::vector<Node> read_documents(LoadState& state, const std::string& path, const Place& from);
// One model of them: interpolated, with what they include, canonical, `extends` followed.
Node load_documents(LoadState& state, std::vector<Node> documents, const Scope& of_file);

// ---- extends.cpp: one service's `extends`, followed to its end. `chain` holds "service in file".
void extend_service(LoadState& state, Node& document, const std::string& name, const Scope& scope,
                    std::vector<std::string> chain);

}  // namespace berth::compose
