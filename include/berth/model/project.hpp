// The typed Project: what a set of compose files means once loaded. Plain values with equality; nothing here reads a
// file, the clock or the environment. `compose` makes it, `plan` and `cli` read it, the supervisor gets it as JSON.
//
// Fields carry the canonical (long) form, with variables resolved and host paths absolute. A field that is absent in
// the file holds its empty value; what the image or the engine defaults to is decided by whoever has the image at hand.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/byte_size.hpp"
#include "berth/base/ids.hpp"
#include "berth/text/source.hpp"

namespace berth::model {

using Duration = std::chrono::nanoseconds;
using StringMap = std::map<std::string, std::string>;

enum class Protocol { Tcp, Udp, Sctp };

// One published port. `published` is empty for an ephemeral host port, a number, or a range "8000-8010" to pick from.
struct Port {
  std::uint16_t target = 0;
  std::string published;
  std::string host_ip;  // empty: all addresses
  Protocol protocol = Protocol::Tcp;
  std::string name;
  bool operator==(const Port&) const = default;
};

enum class MountType { Bind, Volume, Tmpfs };

struct Mount {
  MountType type = MountType::Volume;
  std::string source;  // host path (absolute), key below `volumes:`, or empty: anonymous volume, tmpfs
  std::string target;  // absolute, in the container
  bool read_only = false;
  bool create_host_path = true;  // bind
  std::string propagation;       // bind: rprivate (empty), rshared, rslave, ...
  bool no_copy = false;          // volume: do not fill from the image
  std::string subpath;           // volume
  ByteSize tmpfs_size;           // 0: the kernel's default
  std::uint32_t tmpfs_mode = 0;  // 0: 01777
  bool operator==(const Mount&) const = default;
};

// A secret or config of a service. `source` is the key at top level; target absolute in the container.
struct FileGrant {
  std::string source;
  std::string target;
  std::string uid;
  std::string gid;
  std::optional<std::uint32_t> mode;
  bool operator==(const FileGrant&) const = default;
};

enum class DependencyCondition { Started, Healthy, CompletedSuccessfully };

struct Dependency {
  DependencyCondition condition = DependencyCondition::Started;
  bool restart = false;
  bool required = true;
  bool operator==(const Dependency&) const = default;
};

// Attachment of a service to a network; the key is the one below top-level `networks:`.
struct NetworkAttachment {
  std::vector<std::string> aliases;
  std::string ipv4_address;
  std::string ipv6_address;
  std::vector<std::string> link_local_ips;
  std::string mac_address;
  std::string interface_name;
  StringMap driver_opts;
  int priority = 0;
  int gw_priority = 0;
  bool operator==(const NetworkAttachment&) const = default;
};

// `test` is empty where only timings are given: the image's own test then runs with them. "NONE" disables.
struct Healthcheck {
  std::vector<std::string> test;  // {"CMD", ...}, {"CMD-SHELL", text} or {"NONE"}
  std::optional<Duration> interval;
  std::optional<Duration> timeout;
  std::optional<Duration> start_period;
  std::optional<Duration> start_interval;
  std::optional<int> retries;
  bool operator==(const Healthcheck&) const = default;
};

struct Ulimit {
  std::int64_t soft = 0;  // -1: unlimited
  std::int64_t hard = 0;
  bool operator==(const Ulimit&) const = default;
};

struct Build {
  std::string context;                                     // absolute directory, or a URL
  std::string dockerfile;                                  // absolute or relative to the context; empty: Dockerfile
  std::string dockerfile_inline;                           // the text itself; then no file is read
  std::map<std::string, std::optional<std::string>> args;  // nothing: taken from the environment when building
  std::string target;
  StringMap labels;
  std::vector<std::string> tags;
  std::vector<std::string> platforms;
  std::vector<std::string> cache_from;
  std::vector<std::string> cache_to;
  StringMap additional_contexts;
  std::map<std::string, std::vector<std::string>> extra_hosts;
  std::vector<FileGrant> secrets;
  std::vector<std::string> ssh;
  std::map<std::string, Ulimit> ulimits;
  std::vector<std::string> no_cache_filter;
  std::vector<std::string> entitlements;
  std::string network;
  ByteSize shm_size;
  bool no_cache = false;
  bool pull = false;
  bool privileged = false;
  bool operator==(const Build&) const = default;
};

enum class RestartMode { No, Always, OnFailure, UnlessStopped };

struct RestartPolicy {
  RestartMode mode = RestartMode::No;
  int max_attempts = 0;  // OnFailure: 0 is unlimited
  bool operator==(const RestartPolicy&) const = default;
};

struct DeviceMapping {
  std::string source;
  std::string target;
  std::string permissions;  // "rwm"
  bool operator==(const DeviceMapping&) const = default;
};

// Limits after deploy.resources has been folded in. Zero and nothing mean: no limit.
struct Resources {
  ByteSize memory;
  ByteSize memory_reservation;
  std::optional<std::int64_t> memory_swap;  // bytes; -1: unlimited
  std::optional<int> memory_swappiness;
  double cpus = 0;
  std::int64_t cpu_shares = 0;
  std::int64_t cpu_quota = 0;   // microseconds a period
  std::int64_t cpu_period = 0;  // microseconds
  std::string cpuset;
  std::optional<std::int64_t> pids;
  bool oom_kill_disable = false;
  bool operator==(const Resources&) const = default;
};

// What the processes of a container may do and which namespaces they share.
struct Confinement {
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_opt;
  std::vector<std::string> group_add;
  std::vector<DeviceMapping> devices;
  std::vector<std::string> device_cgroup_rules;
  StringMap sysctls;
  std::map<std::string, Ulimit> ulimits;
  std::string ipc;
  std::string pid;
  std::string uts;
  std::string userns_mode;
  std::string cgroup;
  std::string cgroup_parent;
  std::string runtime;
  ByteSize shm_size;  // 0: 64 MiB
  std::optional<int> oom_score_adj;
  bool privileged = false;
  bool read_only = false;  // the root file system
  bool init = false;
  bool operator==(const Confinement&) const = default;
};

struct Logging {
  std::string driver;
  StringMap options;
  bool operator==(const Logging&) const = default;
};

struct Hook {
  std::vector<std::string> command;
  std::string user;
  bool privileged = false;
  std::string working_dir;
  std::map<std::string, std::optional<std::string>> environment;
  bool operator==(const Hook&) const = default;
};

struct Service {
  ServiceName name;
  std::string image;  // as written; empty where only `build` is given
  std::optional<Build> build;
  std::string pull_policy;
  std::string pull_refresh_after;  // of `pull_policy: refresh`
  std::string platform;
  std::string container_name;
  // Nothing: the image's. An empty list: cleared.
  std::optional<std::vector<std::string>> command;
  std::optional<std::vector<std::string>> entrypoint;
  // Resolved: env files folded in. Nothing as a value: named but without a value, so not passed to the container.
  std::map<std::string, std::optional<std::string>> environment;
  StringMap labels;
  StringMap annotations;
  std::map<std::string, Dependency> depends_on;
  std::map<std::string, NetworkAttachment> networks;
  std::string network_mode;  // "", none, host, service:X, container:X, bridge
  std::vector<Port> ports;
  std::vector<std::string> expose;
  std::vector<Mount> volumes;
  std::vector<std::string> volumes_from;
  std::vector<std::string> tmpfs;  // "path" or "path:options"
  std::vector<FileGrant> secrets;
  std::vector<FileGrant> configs;
  std::optional<Healthcheck> healthcheck;
  RestartPolicy restart;
  std::string stop_signal;
  std::optional<Duration> stop_grace_period;
  std::string user;
  std::string working_dir;
  std::string hostname;
  std::string domainname;
  std::string mac_address;
  std::map<std::string, std::vector<std::string>> extra_hosts;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_opt;
  std::vector<std::string> links;
  std::vector<std::string> external_links;
  Confinement confinement;
  Resources resources;
  std::optional<Logging> logging;
  std::vector<Hook> post_start;
  std::vector<Hook> pre_stop;
  std::vector<std::string> profiles;
  int scale = 1;
  bool attach = true;
  bool stdin_open = false;
  bool tty = false;
  text::Span span;                          // of the service's key in the file
  std::map<std::string, text::Span> spans;  // of its values, by path ("ports.0", "image"); never part of equality
  bool operator==(const Service&) const = default;
};

struct IpamPool {
  std::string subnet;
  std::string ip_range;
  std::string gateway;
  StringMap aux_addresses;
  bool operator==(const IpamPool&) const = default;
};

struct Network {
  std::string name;  // real name: project_key, or what `name:` says
  std::string driver;
  StringMap driver_opts;
  std::string ipam_driver;
  std::vector<IpamPool> ipam;
  bool external = false;
  bool internal = false;
  bool attachable = false;
  bool enable_ipv4 = true;
  bool enable_ipv6 = false;
  StringMap labels;
  bool operator==(const Network&) const = default;
};

struct Volume {
  std::string name;  // real name
  std::string driver;
  StringMap driver_opts;
  bool external = false;
  StringMap labels;
  bool operator==(const Volume&) const = default;
};

// Top-level secret or config.
struct FileObject {
  std::string name;
  std::string file;                    // absolute host path
  std::string environment;             // name of the variable
  std::optional<std::string> content;  // resolved text of `content:` or of the variable
  bool external = false;
  bool operator==(const FileObject&) const = default;
};

struct Project {
  ProjectName name;
  std::string separator = "-";                 // between the parts of names: `_` with --compatibility
  std::string working_dir;                     // absolute
  std::vector<std::string> config_files;       // absolute
  std::vector<std::string> environment_files;  // only those given on the command line
  std::map<std::string, Service> services;     // enabled by profiles and selection; key is the name
  std::map<std::string, Service> disabled_services;
  std::map<std::string, Network> networks;    // by key
  std::map<std::string, Volume> volumes;      // by key
  std::map<std::string, FileObject> secrets;  // by key
  std::map<std::string, FileObject> configs;  // by key
  bool operator==(const Project&) const = default;
};

BOOST_DESCRIBE_ENUM(Protocol, Tcp, Udp, Sctp)
BOOST_DESCRIBE_ENUM(MountType, Bind, Volume, Tmpfs)
BOOST_DESCRIBE_ENUM(DependencyCondition, Started, Healthy, CompletedSuccessfully)
BOOST_DESCRIBE_ENUM(RestartMode, No, Always, OnFailure, UnlessStopped)
BOOST_DESCRIBE_STRUCT(Port, (), (target, published, host_ip, protocol, name))
BOOST_DESCRIBE_STRUCT(Mount, (),
                      (type, source, target, read_only, create_host_path, propagation, no_copy, subpath, tmpfs_size,
                       tmpfs_mode))
BOOST_DESCRIBE_STRUCT(FileGrant, (), (source, target, uid, gid, mode))
BOOST_DESCRIBE_STRUCT(Dependency, (), (condition, restart, required))
BOOST_DESCRIBE_STRUCT(NetworkAttachment, (),
                      (aliases, ipv4_address, ipv6_address, link_local_ips, mac_address, interface_name, driver_opts,
                       priority, gw_priority))
BOOST_DESCRIBE_STRUCT(Healthcheck, (), (test, interval, timeout, start_period, start_interval, retries))
BOOST_DESCRIBE_STRUCT(Build, (),
                      (context, dockerfile, dockerfile_inline, args, target, labels, tags, platforms, cache_from,
                       cache_to, additional_contexts, extra_hosts, secrets, ssh, ulimits, no_cache_filter, entitlements,
                       network, shm_size, no_cache, pull, privileged))
BOOST_DESCRIBE_STRUCT(RestartPolicy, (), (mode, max_attempts))
BOOST_DESCRIBE_STRUCT(Ulimit, (), (soft, hard))
BOOST_DESCRIBE_STRUCT(DeviceMapping, (), (source, target, permissions))
BOOST_DESCRIBE_STRUCT(Resources, (),
                      (memory, memory_reservation, memory_swap, memory_swappiness, cpus, cpu_shares, cpu_quota,
                       cpu_period, cpuset, pids, oom_kill_disable))
BOOST_DESCRIBE_STRUCT(Confinement, (),
                      (cap_add, cap_drop, security_opt, group_add, devices, device_cgroup_rules, sysctls, ulimits, ipc,
                       pid, uts, userns_mode, cgroup, cgroup_parent, runtime, shm_size, oom_score_adj, privileged,
                       read_only, init))
BOOST_DESCRIBE_STRUCT(Logging, (), (driver, options))
BOOST_DESCRIBE_STRUCT(Hook, (), (command, user, privileged, working_dir, environment))
BOOST_DESCRIBE_STRUCT(Service, (),
                      (name, image, build, pull_policy, pull_refresh_after, platform, container_name, command,
                       entrypoint, environment, labels, annotations, depends_on, networks, network_mode, ports, expose,
                       volumes, volumes_from, tmpfs, secrets, configs, healthcheck, restart, stop_signal,
                       stop_grace_period, user, working_dir, hostname, domainname, mac_address, extra_hosts, dns,
                       dns_search, dns_opt, links, external_links, confinement, resources, logging, post_start,
                       pre_stop, profiles, scale, attach, stdin_open, tty))
BOOST_DESCRIBE_STRUCT(IpamPool, (), (subnet, ip_range, gateway, aux_addresses))
BOOST_DESCRIBE_STRUCT(Network, (),
                      (name, driver, driver_opts, ipam_driver, ipam, external, internal, attachable, enable_ipv4,
                       enable_ipv6, labels))
BOOST_DESCRIBE_STRUCT(Volume, (), (name, driver, driver_opts, external, labels))
BOOST_DESCRIBE_STRUCT(FileObject, (), (name, file, environment, content, external))
BOOST_DESCRIBE_STRUCT(Project, (),
                      (name, separator, working_dir, config_files, environment_files, services, disabled_services,
                       networks, volumes, secrets, configs))

}  // namespace berth::model
