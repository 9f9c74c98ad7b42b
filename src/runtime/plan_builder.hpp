// Writes a plan: ops in order, their data beside them, descriptors into slots. Addresses are offsets until
// LaunchPlan::place.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "berth/init/plan.hpp"
#include "berth/runtime/launch_plan.hpp"

namespace berth::runtime {

// Argument of an op. Numbers as they are; an address is an offset into the plan's data; a slot is read when the op
// runs.
struct Argument {
  enum class Kind { Number, Address, Slot } kind = Kind::Number;
  std::uint64_t value = 0;
  Argument() = default;
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T> Argument(T number)
      : value(static_cast<std::uint64_t>(static_cast<std::int64_t>(number))) {}
  static Argument address(std::uint64_t offset) { return make(Kind::Address, offset); }
  static Argument slot(int number) { return make(Kind::Slot, static_cast<std::uint64_t>(number)); }

 private:
  static Argument make(Kind kind, std::uint64_t value) {
    Argument made;
    made.kind = kind;
    made.value = value;
    return made;
  }
};

class PlanBuilder {
 public:
  PlanBuilder();

  // Appends an op; `label` is what a person reads when it fails. The reference is valid until the next op.
  init::Op& op(std::string label, long code, std::initializer_list<Argument> arguments = {});
  void hint(int error, std::string text) { hints_.push_back({ops_.size() - 1, error, std::move(text)}); }  // last op
  init::Op& special(std::string label, init::Special code, std::initializer_list<Argument> arguments = {});

  Argument text(std::string_view text);
  Argument blob(const void* bytes, std::size_t size);
  template <class T>
  Argument value(const T& object) {
    return blob(&object, sizeof object);
  }
  // NULL-terminated table of pointers (argv, envp).
  Argument table(const std::vector<std::string>& strings);
  // struct {u16 length; pointer}: what seccomp takes.
  Argument filter(const std::vector<std::byte>& program);

  // A slot filled with a descriptor before the child starts. `own` keeps it open until the plan is gone.
  int borrow(int fd);
  int own(sys::UniqueFd fd);
  int scratch();  // a slot that an op fills

  // save(): the op's result goes into a new slot.
  int save(init::Op& op);
  Result<void> finish(LaunchPlan& plan);

 private:
  Argument append(const void* bytes, std::size_t size);
  void pointer_at(std::uint64_t offset);

  std::vector<std::byte> data_;
  std::vector<init::Op> ops_;
  std::vector<std::string> labels_;
  std::vector<StepHint> hints_;
  std::vector<std::uint32_t> relocations_;       // words of data_ that hold addresses
  std::vector<std::uint8_t> address_arguments_;  // per op: bit i, argument i is an address
  std::vector<int> fds_;
  std::vector<sys::UniqueFd> owned_;
  int next_scratch_ = init::kSlots;
};

}  // namespace berth::runtime
