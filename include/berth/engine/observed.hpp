// What exists now, as far as one project is concerned: the planner's second input. Made by `local` from records and
// kernel; by FakeEngine in tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "berth/engine/container.hpp"

namespace berth::engine {

// A network to exist. Its record carries the hash, so that a changed definition is noticed.
struct NetworkSpec {
  ProjectName project;  // empty for networks that belong to none
  std::string key;      // below `networks:`
  model::Network network;
  std::string config_hash;
  bool operator==(const NetworkSpec&) const = default;
};

struct NetworkState {
  NetworkSpec spec;
  std::string subnet;  // "172.18.0.0/16"
  std::string gateway;
  bool operator==(const NetworkState&) const = default;
};

struct VolumeSpec {
  ProjectName project;
  std::string key;
  model::Volume volume;
  std::string config_hash;
  bool operator==(const VolumeSpec&) const = default;
};

struct VolumeState {
  VolumeSpec spec;
  std::string path;  // of its data on the host
  bool operator==(const VolumeState&) const = default;
};

struct ObservedState {
  std::vector<ContainerState> containers;          // of this project, one-off ones too
  std::map<std::string, NetworkState> networks;    // by real name, all of this host
  std::map<std::string, VolumeState> volumes;      // by real name, all of this host
  std::map<std::string, ImageFacts> images;        // by reference as the services name it; absent: not in the store
  std::map<std::string, std::string> taken_names;  // container names of other projects -> project
  bool operator==(const ObservedState&) const = default;
};

BOOST_DESCRIBE_STRUCT(NetworkSpec, (), (project, key, network, config_hash))
BOOST_DESCRIBE_STRUCT(NetworkState, (), (spec, subnet, gateway))
BOOST_DESCRIBE_STRUCT(VolumeSpec, (), (project, key, volume, config_hash))
BOOST_DESCRIBE_STRUCT(VolumeState, (), (spec, path))
BOOST_DESCRIBE_STRUCT(ObservedState, (), (containers, networks, volumes, images, taken_names))

}  // namespace berth::engine
