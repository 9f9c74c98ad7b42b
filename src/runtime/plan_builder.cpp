#include "plan_builder.hpp"

namespace berth::runtime {

namespace {
// Data starts behind the header, so an offset into data is an offset into the plan.
constexpr std::size_t kDataStart = (sizeof(init::PlanHeader) + 63) & ~std::size_t{63};
}  // namespace

PlanBuilder::PlanBuilder() {
  data_.reserve(16 << 10);
  data_.resize(kDataStart);
  ops_.reserve(256);
}

init::Op& PlanBuilder::op(std::string label, long code, std::initializer_list<Argument> arguments) {
  init::Op made;
  made.code = static_cast<std::uint16_t>(code);
  std::uint8_t addresses = 0;
  unsigned i = 0;
  for (const Argument& argument : arguments) {
    made.argument[i] = argument.value;
    if (argument.kind == Argument::Kind::Slot) made.from_slot = static_cast<std::uint8_t>(made.from_slot | 1u << i);
    if (argument.kind == Argument::Kind::Address) addresses = static_cast<std::uint8_t>(addresses | 1u << i);
    ++i;
  }
  ops_.push_back(made);
  labels_.push_back(std::move(label));
  address_arguments_.push_back(addresses);
  return ops_.back();
}

init::Op& PlanBuilder::special(std::string label, init::Special code, std::initializer_list<Argument> arguments) {
  return op(std::move(label), static_cast<long>(code), arguments);
}

Argument PlanBuilder::append(const void* bytes, std::size_t size) {
  while (data_.size() % 8) data_.push_back(std::byte{0});
  const std::size_t at = data_.size();
  const auto* from = static_cast<const std::byte*>(bytes);
  data_.insert(data_.end(), from, from + size);
  return Argument::address(at);
}

void PlanBuilder::pointer_at(std::uint64_t offset) { relocations_.push_back(static_cast<std::uint32_t>(offset)); }

Argument PlanBuilder::text(std::string_view text) {
  const std::string terminated(text);
  return append(terminated.c_str(), terminated.size() + 1);
}

Argument PlanBuilder::blob(const void* bytes, std::size_t size) { return append(bytes, size); }

Argument PlanBuilder::table(const std::vector<std::string>& strings) {
  std::vector<std::uint64_t> words;
  for (const auto& string : strings) words.push_back(text(string).value);
  words.push_back(0);
  const Argument at = append(words.data(), words.size() * sizeof words[0]);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) pointer_at(at.value + i * 8);
  return at;
}

Argument PlanBuilder::filter(const std::vector<std::byte>& program) {
  struct {
    std::uint16_t length;
    std::uint64_t at;
  } header{static_cast<std::uint16_t>(program.size() / 8), append(program.data(), program.size()).value};
  const Argument at = append(&header, sizeof header);
  pointer_at(at.value + 8);
  return at;
}

int PlanBuilder::borrow(int fd) {
  fds_.push_back(fd);
  return static_cast<int>(fds_.size()) - 1;
}

int PlanBuilder::own(sys::UniqueFd fd) {
  owned_.push_back(std::move(fd));
  return borrow(owned_.back().get());
}

int PlanBuilder::scratch() { return --next_scratch_; }

int PlanBuilder::save(init::Op& op) {
  op.save = static_cast<std::int16_t>(scratch());
  return op.save;
}

Result<void> PlanBuilder::finish(LaunchPlan& plan) {
  if (fds_.size() > static_cast<std::size_t>(init::kMaxFds))
    return Error::make(ErrorKind::Invalid, "too many mounts: " + std::to_string(fds_.size()) + " descriptors, " +
                                               std::to_string(init::kMaxFds) + " fit");
  if (next_scratch_ <= init::kMaxFds) return Error::make(ErrorKind::Invalid, "too many mounts for one launch plan");
  while (data_.size() % 64) data_.push_back(std::byte{0});
  const std::size_t ops_at = data_.size();
  const auto* first = reinterpret_cast<const std::byte*>(ops_.data());
  data_.insert(data_.end(), first, first + ops_.size() * sizeof(init::Op));

  init::PlanHeader header{};
  header.count = static_cast<std::uint32_t>(ops_.size());
  header.size = static_cast<std::uint32_t>(data_.size());
  header.ops = reinterpret_cast<init::Op*>(ops_at);
  std::memcpy(data_.data(), &header, sizeof header);
  pointer_at(offsetof(init::PlanHeader, ops));
  for (std::size_t i = 0; i < ops_.size(); ++i)
    for (unsigned k = 0; k < 6; ++k)
      if (address_arguments_[i] >> k & 1)
        pointer_at(ops_at + i * sizeof(init::Op) + offsetof(init::Op, argument) + k * 8);

  plan.bytes = std::move(data_);
  plan.relocations = std::move(relocations_);
  plan.labels = std::move(labels_);
  plan.hints = std::move(hints_);
  plan.fds = std::move(fds_);
  plan.owned = std::move(owned_);
  return {};
}

void LaunchPlan::place(std::byte* memory, std::uint64_t address) const {
  std::memcpy(memory, bytes.data(), bytes.size());
  for (const auto offset : relocations) {
    std::uint64_t word;
    std::memcpy(&word, memory + offset, sizeof word);
    word += address;
    std::memcpy(memory + offset, &word, sizeof word);
  }
}

}  // namespace berth::runtime
