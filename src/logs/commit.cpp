#include "commit.hpp"

#include <utility>

namespace berth::logs {

Result<CommitRecord> CommitRecord::open(const std::string& path) {
  CommitRecord record;
  if (path.empty()) return record;
  auto mapping = sys::SharedMapping::open(path, 2 * sizeof(Slot));
  if (!mapping) return mapping.error();
  record.mapping_ = std::move(*mapping);
  const auto* slots = static_cast<const Slot*>(record.mapping_.data());
  record.sequence_ =
      std::max(slots[0].sequence.load(std::memory_order_acquire), slots[1].sequence.load(std::memory_order_acquire));
  return record;
}

CommitState CommitRecord::load() const {
  const auto* slots = static_cast<const Slot*>(mapping_.data());
  return slots ? slots[sequence_ & 1].state : memory_;
}

void CommitRecord::store(const CommitState& state) {
  auto* slots = static_cast<Slot*>(mapping_.data());
  ++sequence_;
  if (!slots) {
    memory_ = state;
    return;
  }
  auto& slot = slots[sequence_ & 1];
  slot.state = state;
  slot.sequence.store(sequence_, std::memory_order_release);
}

}  // namespace berth::logs
