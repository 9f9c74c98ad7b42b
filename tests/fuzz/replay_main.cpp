// Runs a fuzz target over its kept corpus, without libFuzzer: every file below the given folders, then a few thousand
// seeded mutations of them, so that the ordinary build exercises the target too.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string mutate(std::string bytes, std::mt19937& random) {
  const auto rounds = 1 + random() % 4;
  for (unsigned i = 0; i < rounds; ++i) {
    const auto at = bytes.empty() ? 0 : random() % bytes.size();
    switch (random() % 3) {
      case 0: bytes.insert(bytes.begin() + static_cast<long>(at), static_cast<char>(random())); break;
      case 1:
        if (!bytes.empty()) bytes.erase(at, 1 + random() % 8);
        break;
      default:
        if (!bytes.empty()) bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  const char* seed_text = std::getenv("BERTH_SEED");
  const unsigned seed = seed_text ? static_cast<unsigned>(std::strtoul(seed_text, nullptr, 10)) : 1;
  std::vector<std::string> corpus{""};
  for (int i = 1; i < argc; ++i)
    if (std::filesystem::exists(argv[i]))
      for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
        if (entry.is_regular_file()) {
          std::ifstream in(entry.path(), std::ios::binary);
          corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
        }
  for (const auto& bytes : corpus) run(bytes);
  std::mt19937 random(seed);
  constexpr int kMutations = 2000;
  for (int i = 0; i < kMutations; ++i) run(mutate(corpus[random() % corpus.size()], random));
  std::printf("%zu inputs and %d mutations with seed %u\n", corpus.size(), kMutations, seed);
}
