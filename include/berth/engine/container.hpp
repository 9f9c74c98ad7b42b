// What a container is to be (ContainerSpec, decided by `plan`) and what one is (ContainerState, observed by `local`).
// Plain values with equality and a JSON description; no Service, no YAML: everything is resolved against the image.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/ids.hpp"
#include "berth/model/project.hpp"

namespace berth::engine {

using Duration = std::chrono::nanoseconds;

// What `plan` needs to know of an image; the store fills it from the image's config.
struct ImageFacts {
  ImageDigest digest;
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> command;
  std::vector<std::string> environment;  // "K=V", in the image's order
  std::string working_dir;
  std::string user;
  std::vector<std::string> volumes;        // paths
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::vector<std::string> shell;
  std::optional<model::Healthcheck> healthcheck;
  bool operator==(const ImageFacts&) const = default;
};

// Attachment to a network, by its real name.
struct Endpoint {
  std::string network;
  std::vector<std::string> aliases;  // names that the network's DNS answers, besides the container's name and short id
  std::string ipv4_address;          // asked for; empty: from the pool
  std::string mac_address;
  std::string interface_name;  // empty: eth0, eth1, ... in order
  int priority = 0;
  int gw_priority = 0;
  bool operator==(const Endpoint&) const = default;
};

struct ContainerMount {
  model::MountType type = model::MountType::Bind;
  std::string source;  // absolute host path, or the volume's real name; empty: anonymous volume, tmpfs
  std::string target;
  bool read_only = false;
  bool create_host_path = true;
  std::string propagation;
  bool no_copy = false;
  std::string subpath;
  ByteSize tmpfs_size;
  std::uint32_t tmpfs_mode = 0;
  std::string tmpfs_options;  // short form "noexec,size=64m" as written
  bool taken_over = false;    // found at creation in another container, see ContainerSpec::volumes_from
  bool operator==(const ContainerMount&) const = default;
};

inline bool is_anonymous(const ContainerMount& mount) {
  return mount.type == model::MountType::Volume && mount.source.empty();
}

struct VolumesFrom {
  std::string container;  // its name
  bool read_only = false;
  bool operator==(const VolumesFrom&) const = default;
};

// A secret or config as a file in the container: a host file bound read-only, or content written to a tmpfs.
struct ContainerFile {
  std::string target;
  std::string host_path;
  std::optional<std::string> content;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 0444;
  bool operator==(const ContainerFile&) const = default;
};

struct HealthPlan {
  std::vector<std::string> test;   // {"CMD", ...} or {"CMD-SHELL", text}
  std::vector<std::string> shell;  // of CMD-SHELL; empty: /bin/sh -c
  Duration interval = std::chrono::seconds(30);
  Duration timeout = std::chrono::seconds(30);
  Duration start_period{0};
  Duration start_interval = std::chrono::seconds(5);
  int retries = 3;
  bool operator==(const HealthPlan&) const = default;
};

struct ContainerSpec {
  ProjectName project;
  ServiceName service;
  int number = 1;
  bool one_off = false;      // `run`
  bool auto_remove = false;  // ... with --rm: goes once it has ended
  std::string name;
  std::string image;  // reference as the service names it
  ImageDigest image_digest;
  std::vector<std::string> entrypoint;  // shown by ps; the process is entrypoint + command
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  std::string working_dir;  // empty: /
  std::string user;         // "name[:group]" or numbers, resolved in the container's passwd
  std::string hostname;     // empty: the short id
  std::string domainname;
  bool tty = false;
  bool stdin_open = false;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<ContainerMount> mounts;
  // Containers whose binds and volumes this one gets too, where it has nothing of its own; looked up when it is
  // created.
  std::vector<VolumesFrom> volumes_from;
  std::vector<ContainerFile> files;
  std::vector<Endpoint> endpoints;  // in order of attachment
  std::string network_mode;         // "", none, host, container:NAME
  std::vector<model::Port> ports;
  std::vector<std::string> exposed;          // "80/tcp": what image and service name; said, not done; sorted
  std::map<std::string, std::string> links;  // alias -> name, for this container's questions alone
  std::map<std::string, std::vector<std::string>> extra_hosts;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_opt;
  model::RestartPolicy restart;
  std::string stop_signal;  // empty: SIGTERM
  Duration stop_grace = std::chrono::seconds(10);
  std::optional<HealthPlan> health;
  model::Confinement confinement;
  model::Resources resources;
  std::optional<model::Logging> logging;
  std::vector<model::Hook> post_start;
  std::vector<model::Hook> pre_stop;
  std::map<std::string, model::Dependency> depends_on;
  std::string config_hash;  // of the service it was made from
  bool operator==(const ContainerSpec&) const = default;
};

enum class Phase { Created, Running, Paused, Restarting, Exited, Dead };
enum class Health { None, Starting, Healthy, Unhealthy };

// A health probe that has ended.
struct Probe {
  std::int64_t started_at = 0;  // nanoseconds since 1970, wall clock
  std::int64_t ended_at = 0;
  int exit_code = 0;   // -1: it took too long, or could not be started
  std::string output;  // of both streams, at most kProbeOutput bytes, valid UTF-8
  bool operator==(const Probe&) const = default;
};
inline constexpr std::size_t kProbeOutput = 4096;
inline constexpr std::size_t kProbesKept = 5;

struct HealthLog {
  int failing_streak = 0;     // failures since the last success, without those of the start period
  std::vector<Probe> probes;  // the last kProbesKept of this start, oldest first
  bool operator==(const HealthLog&) const = default;
};

// Address of a running container in one network.
struct Address {
  std::string network;
  std::string ipv4;
  std::string mac;
  bool operator==(const Address&) const = default;
};

// A published port as it came out: the host port that was really taken.
struct Publication {
  std::string host_ip;  // "0.0.0.0", "::", "127.0.0.1"
  std::uint16_t host_port = 0;
  std::uint16_t target = 0;
  model::Protocol protocol = model::Protocol::Tcp;
  bool operator==(const Publication&) const = default;
};

struct ContainerState {
  ContainerId id;
  std::string name;  // now; differs from spec.name while an older container holds that
  ContainerSpec spec;
  Phase phase = Phase::Created;
  int pid = 0;        // while Running or Paused
  int exit_code = 0;  // 128 + N for signal N; 255 where it was lost
  bool oom_killed = false;
  bool user_stopped = false;  // by a verb, so that restart policies leave it alone
  int restart_count = 0;
  Health health = Health::None;
  HealthLog health_log;
  std::string error;            // why it could not start
  std::int64_t created_at = 0;  // nanoseconds since 1970, wall clock; 0: not yet
  std::int64_t started_at = 0;
  std::int64_t finished_at = 0;
  std::vector<Address> addresses;
  std::vector<Publication> publications;
  std::vector<std::string> anonymous_volumes;  // their names; made with it, or taken over from the one before it
  bool operator==(const ContainerState&) const = default;
};

BOOST_DESCRIBE_ENUM(Phase, Created, Running, Paused, Restarting, Exited, Dead)
BOOST_DESCRIBE_ENUM(Health, None, Starting, Healthy, Unhealthy)
BOOST_DESCRIBE_STRUCT(ImageFacts, (),
                      (digest, entrypoint, command, environment, working_dir, user, volumes, exposed_ports, labels,
                       stop_signal, shell, healthcheck))
BOOST_DESCRIBE_STRUCT(Endpoint, (),
                      (network, aliases, ipv4_address, mac_address, interface_name, priority, gw_priority))
BOOST_DESCRIBE_STRUCT(ContainerMount, (),
                      (type, source, target, read_only, create_host_path, propagation, no_copy, subpath, tmpfs_size,
                       tmpfs_mode, tmpfs_options, taken_over))
BOOST_DESCRIBE_STRUCT(VolumesFrom, (), (container, read_only))
BOOST_DESCRIBE_STRUCT(ContainerFile, (), (target, host_path, content, uid, gid, mode))
BOOST_DESCRIBE_STRUCT(HealthPlan, (), (test, shell, interval, timeout, start_period, start_interval, retries))
BOOST_DESCRIBE_STRUCT(ContainerSpec, (),
                      (project, service, number, one_off, auto_remove, name, image, image_digest, entrypoint, command,
                       environment, working_dir, user, hostname, domainname, tty, stdin_open, labels, annotations,
                       mounts, volumes_from, files, endpoints, network_mode, ports, exposed, links, extra_hosts, dns,
                       dns_search, dns_opt, restart, stop_signal, stop_grace, health, confinement, resources, logging,
                       post_start, pre_stop, depends_on, config_hash))
BOOST_DESCRIBE_STRUCT(Probe, (), (started_at, ended_at, exit_code, output))
BOOST_DESCRIBE_STRUCT(HealthLog, (), (failing_streak, probes))
BOOST_DESCRIBE_STRUCT(Address, (), (network, ipv4, mac))
BOOST_DESCRIBE_STRUCT(Publication, (), (host_ip, host_port, target, protocol))
BOOST_DESCRIBE_STRUCT(ContainerState, (),
                      (id, name, spec, phase, pid, exit_code, oom_killed, user_stopped, restart_count, health,
                       health_log, error, created_at, started_at, finished_at, addresses, publications))

}  // namespace berth::engine
