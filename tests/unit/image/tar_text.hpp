// Makes tars by hand, honest and hostile ones.
#pragma once

#include <cstdio>
#include <cstring>
#include <string>

namespace berth::image::testing {

struct TarSpec {
  std::string path;
  char type = '0';
  std::string content;
  std::string link;
  unsigned mode = 0644;
  unsigned uid = 0;
  unsigned gid = 0;
  long mtime = 1000;
  unsigned major = 0;
  unsigned minor = 0;
};

inline std::string tar_entry(const TarSpec& spec) {
  char block[512] = {};
  std::strncpy(block, spec.path.c_str(), 100);
  std::snprintf(block + 100, 8, "%07o", spec.mode);
  std::snprintf(block + 108, 8, "%07o", spec.uid);
  std::snprintf(block + 116, 8, "%07o", spec.gid);
  std::snprintf(block + 124, 12, "%011zo", spec.content.size());
  std::snprintf(block + 136, 12, "%011lo", static_cast<unsigned long>(spec.mtime));
  block[156] = spec.type;
  std::strncpy(block + 157, spec.link.c_str(), 100);
  std::memcpy(block + 257, "ustar\00000", 8);
  std::snprintf(block + 329, 8, "%07o", spec.major);
  std::snprintf(block + 337, 8, "%07o", spec.minor);
  std::memset(block + 148, ' ', 8);
  unsigned sum = 0;
  for (unsigned char byte : block) sum += byte;
  std::snprintf(block + 148, 8, "%06o", sum);
  std::string out(block, 512);
  out += spec.content;
  out.append((512 - spec.content.size() % 512) % 512, '\0');
  return out;
}

inline std::string tar_end() { return std::string(1024, '\0'); }

}  // namespace berth::image::testing
