#include "kv/value_type.hpp"

#include <array>
#include <memory>

#include "base/assert.hpp"

namespace trefoil::kv {

namespace {

// By ObjectType.
constexpr std::array<const ValueType*, 5> kTypes = {&kStringType, &kListType, &kHashType, &kSetType, &kSortedSetType};

constexpr unsigned kEffectsOfType = 10;

struct FreeBlock {
  void operator()(Entry* entry) const { Entry::free(entry); }
};

}  // namespace

const ValueType& typeOf(ObjectType type) {
  TREFOIL_DEBUG_ASSERT(static_cast<std::size_t>(type) < kTypes.size());
  return *kTypes[static_cast<std::size_t>(type)];
}

const ValueType* typeOfEffect(EffectKind kind) {
  const std::size_t number = static_cast<std::size_t>(kind) / kEffectsOfType;
  if (number >= kTypes.size()) {
    return nullptr;
  }
  for (const EffectFormat& effect : kTypes[number]->effects) {
    if (effect.kind == kind) {
      return kTypes[number];
    }
  }
  return nullptr;
}

Entry* copyOf(const Entry& entry, std::size_t slack) {
  std::unique_ptr<Entry, FreeBlock> copy(Entry::clone(entry, slack));
  if (entry.isLarge()) {
    typeOf(entry).share(*copy);
  }
  return copy.release();
}

}  // namespace trefoil::kv
