#include "vector/hnsw_nodes.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/assert.hpp"

namespace trefoil::vector {

namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

HnswNodes::HnswNodes(std::size_t m, const VectorCodes& codes)
    : m_(m),
      vector_codes_(codes),
      has_lengths_(codes.usesLengths()),
      codes_(codes.codeBytes()),
      lowest_(linkWords(2 * m)),
      upper_(linkWords(m)) {}

// Section 4.1 of the paper: floor(-ln(uniform) / ln(m)). The uniform number is a hash of the id, so that the same rows in the
// same order make the same graph.
std::size_t HnswNodes::drawLevel(NodeId node) const {
  std::uint64_t bits = (std::uint64_t{node} + 1) * 0x9E3779B97F4A7C15ULL;  // splitmix64
  bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9ULL;
  bits = (bits ^ bits >> 27) * 0x94D049BB133111EBULL;
  bits ^= bits >> 31;
  const double uniform = (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;
  return std::min(kMaxLevel, static_cast<std::size_t>(-std::log(uniform) / std::log(static_cast<double>(m_))));
}

NodeId HnswNodes::take() {
  const std::scoped_lock lock(mutex_);
  if (free_.empty()) {
    return takeLocked(drawLevel(high_water_.load(std::memory_order_relaxed)));
  }
  const NodeId node = free_.back();
  free_.pop_back();
  for (std::size_t l = 0; l <= level(node); ++l) {
    writeLinks(node, l, {});
  }
  setNext(node, kNoNode);
  return node;
}

NodeId HnswNodes::takeWithLevel(std::size_t level) {
  const std::scoped_lock lock(mutex_);
  return takeLocked(level);
}

NodeId HnswNodes::takeLocked(std::size_t level) {
  const NodeId node = high_water_.load(std::memory_order_relaxed);
  TREFOIL_ASSERT(node < kMaxNodes);
  entries_.reserve(node);
  states_.reserve(node);
  levels_.reserve(node);
  first_upper_.reserve(node);
  next_.reserve(node);
  codes_.reserve(node);
  lowest_.reserve(node);
  if (has_lengths_) {
    lengths_.reserve(node);
  }
  states_[node] = static_cast<std::uint8_t>(NodeState::kFree);
  levels_[node] = static_cast<std::uint8_t>(level);
  first_upper_[node] = upper_used_;
  next_[node] = kNoNode;
  for (std::size_t l = 1; l <= level; ++l) {
    upper_.reserve(upper_used_++);
  }
  for (std::size_t l = 0; l <= level; ++l) {
    std::fill_n(list(node, l), linkWords(capacity(l)), kNoLinks);
  }
  high_water_.store(node + 1, std::memory_order_release);
  memory_.set(memory_.bytes() + sizeof(Entry) + 2 + 2 * sizeof(std::uint32_t) + codes_.recordBytes() + lowest_.recordBytes() +
              (has_lengths_ ? sizeof(float) : 0) + level * upper_.recordBytes());
  return node;
}

void HnswNodes::release(NodeId node) {
  storeState(node, NodeState::kFree);
  setCompanion(node, false);
  const std::scoped_lock lock(mutex_);
  free_.push_back(node);
}

std::uint64_t HnswNodes::visible(NodeId first, std::size_t count, Lsn snapshot) const {
  TREFOIL_ASSERT(first % kBlock == 0 && count <= kBlock);
  Entry* const entries = entries_.at(first);
  std::uint8_t* const states = states_.at(first);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (isEntry(stateOf(states[i]))) {
      const bool sees =
          entries[i].born < snapshot && snapshot <= std::atomic_ref(entries[i].died).load(std::memory_order_acquire);
      seen |= std::uint64_t{sees} << i;
    }
  }
  return seen;
}

std::size_t HnswNodes::gatherCodes(NodeId first, std::uint64_t members, CodeList list) const {
  const std::byte* const codes = codes_.at(first);
  const float* const lengths = has_lengths_ ? lengths_.at(first) : nullptr;
  const std::uint8_t* const levels = levels_.at(first);
  const std::size_t code_bytes = codes_.recordBytes();
  std::size_t count = 0;
  for (; members != 0; ++count, members &= members - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(members));
    list.nodes[count] = first + static_cast<NodeId>(i);
    list.codes[count] = codes + i * code_bytes;
    list.error_classes[count] = levels[i] >> kErrorShift & kErrorMask;
    if (lengths != nullptr) {
      list.lengths[count] = lengths[i];
    }
  }
  return count;
}

void HnswNodes::storeState(NodeId node, NodeState state) {
  const std::atomic_ref byte(states_[node]);
  std::uint8_t before = byte.load(std::memory_order_relaxed);
  while (!byte.compare_exchange_weak(
      before, static_cast<std::uint8_t>((before & (kLockBit | kCompanionBit)) | static_cast<std::uint8_t>(state)),
      std::memory_order_acq_rel, std::memory_order_relaxed)) {
  }
}

void HnswNodes::setCompanion(NodeId node, bool companion) const {
  const std::atomic_ref byte(states_[node]);
  if (companion) {
    byte.fetch_or(kCompanionBit, std::memory_order_acq_rel);
  } else {
    byte.fetch_and(static_cast<std::uint8_t>(~kCompanionBit), std::memory_order_acq_rel);
  }
}

std::uint64_t HnswNodes::codeHash(NodeId node) const {
  const std::string_view bytes(reinterpret_cast<const char*>(code(node)), codes_.recordBytes());
  return hash(std::hash<std::string_view>{}(bytes) + vector_codes_.lengthClass(length(node)));
}

bool HnswNodes::isSameCode(NodeId left, NodeId right) const {
  return vector_codes_.lengthClass(length(left)) == vector_codes_.lengthClass(length(right)) &&
         std::memcmp(code(left), code(right), codes_.recordBytes()) == 0;
}

std::size_t HnswNodes::room(std::size_t level, std::span<const NodeId> links) const {
  const std::size_t most = std::min(capacity(level), links.size());
  LinkWord unused = 0;
  std::size_t taken = 0;
  for (std::size_t words = linkWords(capacity(level)); words > 0 && taken < most; --words) {
    taken += packLinks(links.subspan(taken), unused);
  }
  return std::min(taken, most);
}

void HnswNodes::writeLinks(NodeId node, std::size_t level, std::span<const NodeId> links) const {
  LinkWord* const to = list(node, level);
  const std::size_t words = linkWords(capacity(level));
  links = links.first(std::min(capacity(level), links.size()));
  for (std::size_t i = 0; i < words; ++i) {
    LinkWord word = kNoLinks;
    if (!links.empty()) {
      links = links.subspan(packLinks(links, word));
    }
    std::atomic_ref(to[i]).store(word, std::memory_order_release);
  }
}

HnswNodes::Lock::Lock(const HnswNodes& nodes, NodeId node) : state_(nodes.states_[node]) {
  while ((std::atomic_ref(state_).fetch_or(kLockBit, std::memory_order_acquire) & kLockBit) != 0) {
    while ((std::atomic_ref(state_).load(std::memory_order_relaxed) & kLockBit) != 0) {
      pause();
    }
  }
}

NodeId HnswNodes::newest(std::uint64_t row) const {
  return rows_.find(hash(row), [&](NodeId node) { return entries_[node].row == row; });
}

std::size_t HnswNodes::codesBytes() const {
  return highWater() * (codes_.recordBytes() + (has_lengths_ ? sizeof(float) : 0));
}

std::size_t HnswNodes::linksBytes() const {
  const std::scoped_lock lock(mutex_);
  return high_water_.load(std::memory_order_relaxed) * (lowest_.recordBytes() + sizeof(std::uint32_t) + 1) +
         upper_used_ * upper_.recordBytes();
}

std::size_t HnswNodes::entriesBytes() const {
  const std::size_t bytes = highWater() * (sizeof(Entry) + 1 + sizeof(NodeId)) + rows_.memoryBytes() + places_.memoryBytes();
  const std::scoped_lock lock(mutex_);
  return bytes + free_.capacity() * sizeof(NodeId);
}

std::size_t HnswNodes::freeIds() const {
  const std::scoped_lock lock(mutex_);
  return free_.size();
}

}  // namespace trefoil::vector
