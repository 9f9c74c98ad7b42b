// What Docker gives a container by default, as a RuntimeSpec to adjust.
#pragma once

#include <string>

#include "berth/base/error.hpp"
#include "berth/oci/runtime_spec.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/seccomp.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::runtime {

struct DefaultOptions {
  std::int64_t shm_size = 64 << 20;
  bool privileged = false;  // all capabilities, all devices, nothing masked, no filter, writable /sys
};
// Fourteen capabilities, /proc /dev /dev/pts /dev/shm /dev/mqueue /sys /sys/fs/cgroup, default device rules, masked and
// read-only paths, the default seccomp profile, new namespaces. Left to the caller: args, env, cwd, user, root,
// hostname, binds.
oci::RuntimeSpec default_spec(const DefaultOptions& options = {});

// Adds a mount; one with the same destination that is already there is replaced.
void put_mount(oci::RuntimeSpec& spec, oci::Mount mount);
// `devices:` of a service: "/dev/x" of the host as `target`, with its device rule.
Result<void> add_device(oci::RuntimeSpec& spec, const std::string& source, const std::string& target,
                        const std::string& permissions);
// "c 1:3 rwm", "a *:* rwm": a line of device_cgroup_rules.
Result<oci::DeviceRule> parse_device_rule(const std::string& text);
// Runs the program under a tiny pid 1 that forwards signals and reaps (`init: true`). `bin_dir` (ROOT/bin) keeps the
// stub's file.
Result<void> use_init(oci::RuntimeSpec& spec, const std::string& bin_dir);
// Whether a sysctl belongs to a namespace and so may be set for a container; the reason where not.
Result<void> check_sysctl(const oci::RuntimeSpec& spec, const std::string& name);

// The default seccomp profile for a process with these capabilities.
sys::SeccompProfile default_seccomp(std::uint64_t capabilities);
// A profile as Docker writes it (JSON), for these capabilities.
Result<sys::SeccompProfile> parse_seccomp(const std::string& json, std::uint64_t capabilities);

// Makes the cgroup and writes its limits. What the machine cannot do is left out and said in `warnings`, one line each.
Result<sys::CgroupSet> create_cgroup(const std::string& name, const oci::Resources& resources,
                                     std::vector<std::string>* warnings = nullptr);

}  // namespace berth::runtime
