// View's writes: each looks at the key as the view sees it, stages the effect that says what will have changed, and returns that.
#include <algorithm>

#include "kv/collection.hpp"
#include "kv/value_effects.hpp"
#include "kv/value_type.hpp"
#include "kv/view.hpp"
#include "kv/view_state.hpp"

namespace trefoil::kv {

namespace {

// Names seen so far in one statement: a few are compared one by one, many are hashed.
class SeenNames {
 public:
  // False if the name was seen before.
  bool insert(std::string_view name) {
    if (hashed_.empty() && count_ < kInline) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (inline_[i] == name) {
          return false;
        }
      }
      inline_[count_++] = name;
      return true;
    }
    if (hashed_.empty()) {
      hashed_.insert(inline_.begin(), inline_.end());
    }
    return hashed_.insert(name).second;
  }

 private:
  static constexpr std::size_t kInline = 32;
  std::array<std::string_view, kInline> inline_;
  std::size_t count_ = 0;
  std::unordered_set<std::string_view> hashed_;
};

// Room for one statement's list of names; kept from call to call, so that a common statement allocates nothing.
std::vector<std::string_view>& nameList() {
  thread_local std::vector<std::string_view> names;
  names.clear();
  return names;
}

}  // namespace

// --------------------------------------------------------------------------------------------------------------------- strings

void View::setString(const Key& key, std::string_view value, Deadline deadline) {
  if (deadline.never()) {
    Staging effect(*this, EffectKind::kSet, causeOr(Cause::kSet), key);
    effect->putValue(value);
  } else {
    Staging effect(*this, EffectKind::kSetWithDeadline, causeOr(Cause::kSet), key);
    effect->putInt(deadline.unix_ms);
    effect->putValue(value);
  }
}

std::size_t View::append(const Key& key, std::string_view bytes) {
  const Entry* entry = current(key);
  const std::size_t before = StringHandle(entry).size();
  Staging effect(*this, EffectKind::kAppend, causeOr(Cause::kAppend), key);
  effect->putString(bytes);
  return before + bytes.size();
}

std::size_t View::setRange(const Key& key, std::size_t offset, std::string_view bytes) {
  const std::size_t before = StringHandle(current(key)).size();
  if (bytes.empty()) {
    return before;
  }
  Staging effect(*this, EffectKind::kSetRange, causeOr(Cause::kSetRange), key);
  effect->putVarint(offset);
  effect->putString(bytes);
  return std::max(before, offset + bytes.size());
}

// -------------------------------------------------------------------------------------------------------------------- any type

void View::stageRemoval(const Key& key, Cause cause) {
  const Staging effect(*this, EffectKind::kRemove, cause, key);
}

bool View::remove(const Key& key) {
  if (current(key) == nullptr) {
    return false;
  }
  stageRemoval(key, causeOr(Cause::kDel));
  return true;
}

bool View::removeIfExpired(const Key& key) {
  const bool expired = lookUp(key) != nullptr && find(key) == nullptr;
  return current(key) == nullptr && expired;
}

bool View::setDeadline(const Key& key, Deadline deadline) {
  const Entry* entry = current(key);
  if (entry == nullptr) {
    return false;
  }
  if (deadline.never()) {
    if (entry->hasDeadline()) {
      const Staging effect(*this, EffectKind::kClearDeadline, causeOr(Cause::kPersist), key);
    }
  } else {
    Staging effect(*this, EffectKind::kSetDeadline, causeOr(Cause::kExpire), key);
    effect->putInt(deadline.unix_ms);
  }
  return true;
}

void View::copyValue(const Key& from, const Key& to, Cause cause) {
  TREFOIL_DEBUG_ASSERT(from.db != to.db || from.bytes != to.bytes);
  if (current(to) != nullptr) {
    stageRemoval(to, Cause::kNone);
  }
  const Entry* entry = find(from);
  TREFOIL_ASSERT(entry != nullptr);
  ValueEffects value(*entry, to.db, to.bytes, cause);
  while (true) {
    const std::size_t begin = effects_.size();
    if (!value.writeNext(effects_)) {
      return;
    }
    EffectReader reader(effects_.bytes().substr(begin));
    reader.getKind();
    reader.getVarint();
    const std::string_view key = reader.getString();
    noteEffect(to.db, to.hash, static_cast<std::size_t>(key.data() - effects_.bytes().data()), key.size(), begin,
               effects_.size());
  }
}

void View::moveValue(const Key& from, const Key& to, Cause gone, Cause come) {
  const std::size_t begin = effects_.size();
  putEffectHead(effects_, EffectKind::kRemove, gone, from.db, from.bytes);
  const std::size_t end = effects_.size();
  copyValue(from, to, come);
  noteEffect(from.db, from.hash, end - from.bytes.size(), from.bytes.size(), begin, end);
}

void View::flush(int db) {
  effects_.putKind(static_cast<std::uint8_t>(EffectKind::kFlush), Cause::kFlushDb);
  effects_.putVarint(static_cast<std::uint64_t>(db));
  noteFlush(db);
}

// ----------------------------------------------------------------------------------------------------------------------- lists

std::size_t View::listPush(const Key& key, ListSide side, std::span<const std::string_view> values) {
  const std::size_t before = ListHandle(current(key)).size();
  if (values.empty()) {
    return before;
  }
  Staging effect(*this, EffectKind::kListPush, causeOr(side == ListSide::kLeft ? Cause::kLPush : Cause::kRPush), key);
  effect->putByte(static_cast<std::uint8_t>(side));
  effect->putVarint(values.size());
  for (const std::string_view value : values) {
    effect->putString(value);
  }
  return before + values.size();
}

void View::listPop(const Key& key, ListSide side, std::size_t count) {
  const std::size_t size = ListHandle(current(key)).size();
  TREFOIL_ASSERT(count <= size);
  if (count == 0) {
    return;
  }
  {
    Staging effect(*this, EffectKind::kListPop, causeOr(side == ListSide::kLeft ? Cause::kLPop : Cause::kRPop), key);
    effect->putByte(static_cast<std::uint8_t>(side));
    effect->putVarint(count);
  }
  if (count == size) {
    stageRemoval(key, Cause::kDel);
  }
}

void View::listSet(const Key& key, std::size_t index, std::string_view value) {
  TREFOIL_ASSERT(index < ListHandle(current(key)).size());
  Staging effect(*this, EffectKind::kListSet, causeOr(Cause::kLSet), key);
  effect->putVarint(index);
  effect->putString(value);
}

void View::listInsert(const Key& key, std::size_t index, std::string_view value) {
  TREFOIL_ASSERT(index <= ListHandle(current(key)).size());
  Staging effect(*this, EffectKind::kListInsert, causeOr(Cause::kLInsert), key);
  effect->putVarint(index);
  effect->putString(value);
}

void View::stageListRange(const Key& key, EffectKind kind, Cause natural, std::size_t first, std::size_t second) {
  Staging effect(*this, kind, causeOr(natural), key);
  effect->putVarint(first);
  effect->putVarint(second);
}

void View::listErase(const Key& key, std::size_t index, std::size_t count) {
  const std::size_t size = ListHandle(current(key)).size();
  TREFOIL_ASSERT(index + count <= size);
  if (count > 0) {
    stageListRange(key, EffectKind::kListErase, Cause::kLRem, index, count);
    if (count == size) {
      stageRemoval(key, Cause::kDel);
    }
  }
}

void View::listTrim(const Key& key, std::size_t start, std::size_t count) {
  TREFOIL_ASSERT(start + count <= ListHandle(current(key)).size());
  stageListRange(key, EffectKind::kListTrim, Cause::kLTrim, start, count);
  if (count == 0) {
    stageRemoval(key, Cause::kDel);
  }
}

// ------------------------------------------------------------------------------------------------- hashes, sets and sorted sets

std::size_t View::hashSet(const Key& key, std::span<const FieldValue> pairs) {
  if (pairs.empty()) {
    return 0;
  }
  const Entry* entry = current(key);
  std::size_t created = 0;
  SeenNames seen;
  for (const FieldValue& pair : pairs) {
    if (!HashHandle(entry).get(pair.field) && seen.insert(pair.field)) {
      ++created;
    }
  }
  Staging effect(*this, EffectKind::kHashSet, causeOr(Cause::kHSet), key);
  effect->putVarint(pairs.size());
  for (const FieldValue& pair : pairs) {
    effect->putString(pair.field);
    effect->putString(pair.value);
  }
  return created;
}

std::size_t View::setAdd(const Key& key, std::span<const std::string_view> members) {
  const Entry* entry = current(key);
  SeenNames seen;
  auto& fresh = nameList();
  for (const std::string_view member : members) {
    if (!SetHandle(entry).contains(member) && seen.insert(member)) {
      fresh.push_back(member);
    }
  }
  stageMembers(key, EffectKind::kSetAdd, Cause::kSAdd, fresh);
  return fresh.size();
}

std::size_t View::sortedSetPut(const Key& key, std::span<const ScoredMember> members) {
  if (members.empty()) {
    return 0;
  }
  const Entry* entry = current(key);
  std::size_t created = 0;
  SeenNames seen;
  for (const ScoredMember& member : members) {
    if (!SortedSetHandle(entry).score(member.member) && seen.insert(member.member)) {
      ++created;
    }
  }
  Staging effect(*this, EffectKind::kSortedSetPut, causeOr(Cause::kZAdd), key);
  effect->putVarint(members.size());
  for (const ScoredMember& member : members) {
    effect->putDouble(member.score);
    effect->putString(member.member);
  }
  return created;
}

std::size_t View::hashRemove(const Key& key, std::span<const std::string_view> fields) {
  return removeMembers(key, EffectKind::kHashRemove, Cause::kHDel, fields);
}

std::size_t View::setRemove(const Key& key, std::span<const std::string_view> members) {
  return removeMembers(key, EffectKind::kSetRemove, Cause::kSRem, members);
}

std::size_t View::sortedSetRemove(const Key& key, std::span<const std::string_view> members) {
  return removeMembers(key, EffectKind::kSortedSetRemove, Cause::kZRem, members);
}

std::size_t View::removeMembers(const Key& key, EffectKind kind, Cause natural, std::span<const std::string_view> members) {
  const Entry* entry = current(key);
  if (entry == nullptr) {
    return 0;
  }
  TREFOIL_ASSERT(&typeOf(*entry) == typeOfEffect(kind));
  SeenNames seen;
  auto& present = nameList();
  for (const std::string_view member : members) {
    if (CollectionHandle(entry).hasMember(member) && seen.insert(member)) {
      present.push_back(member);
    }
  }
  const std::size_t size = CollectionHandle(entry).size();
  stageMembers(key, kind, natural, present);
  if (present.size() == size) {
    stageRemoval(key, Cause::kDel);
  }
  return present.size();
}

void View::stageMembers(const Key& key, EffectKind kind, Cause natural, std::span<const std::string_view> members) {
  if (members.empty()) {
    return;
  }
  Staging effect(*this, kind, causeOr(natural), key);
  effect->putVarint(members.size());
  for (const std::string_view member : members) {
    effect->putString(member);
  }
}

}  // namespace trefoil::kv
