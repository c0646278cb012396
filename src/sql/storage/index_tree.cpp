#include "sql/storage/index_tree.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace trefoil::sql {

namespace {

constexpr char kValueMark = 1;
constexpr char kNullMark = 2;
constexpr std::size_t kPrefixBytes = 8;

void appendBigEndian(std::string& key, std::uint64_t value) {
  char bytes[8];
  for (int i = 7; i >= 0; --i) {
    bytes[i] = static_cast<char>(value);
    value >>= 8;
  }
  key.append(bytes, sizeof bytes);
}

std::uint64_t prefixOf(std::string_view bytes) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < kPrefixBytes; ++i) {
    prefix = prefix << 8 | (i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : 0);
  }
  return prefix;
}

std::string_view behindPrefix(std::string_view bytes) {
  return bytes.size() > kPrefixBytes ? bytes.substr(kPrefixBytes) : "";
}

std::string_view tailOf(const BytesKey& key) {
  return key.tail == nullptr ? std::string_view{} : key.tail->view();
}

void freeTail(Stamped* object) {
  auto* const tail = static_cast<KeyTail*>(object);
  MemoryAccount::add(MemoryLeaf::kIndexes, -static_cast<std::int64_t>(sizeof(KeyTail) + tail->size));
  ::operator delete(static_cast<void*>(tail));
}

const KeyTail* newTail(std::string_view bytes, const WriteContext& context) {
  auto* tail = new (::operator new(sizeof(KeyTail) + bytes.size())) KeyTail;
  tail->size = static_cast<std::uint32_t>(bytes.size());
  tail->unused = 0;
  MemoryAccount::add(MemoryLeaf::kIndexes, static_cast<std::int64_t>(sizeof(KeyTail) + bytes.size()));
  std::memcpy(static_cast<void*>(tail + 1), bytes.data(), bytes.size());
  context.created(*tail, &freeTail);
  return tail;
}

}  // namespace

KeyProbe::KeyProbe(std::string_view bytes_in, bool whole_in, std::uint64_t row_in)
    : bytes(bytes_in), prefix(prefixOf(bytes_in)), row(row_in), whole(whole_in) {}

int BytesTraits::compareTails(const Key& a, const Key& b) {
  if (a.tail != b.tail) {
    if (const int order = tailOf(a).compare(tailOf(b)); order != 0) {
      return order;
    }
  }
  return a.row < b.row ? -1 : a.row > b.row ? 1 : 0;
}

bool BytesTraits::sameBytes(const Key& a, const Key& b) {
  return a.prefix == b.prefix && tailOf(a) == tailOf(b);
}

int BytesTraits::compare(const Key& key, const KeyProbe& probe) {
  std::uint64_t prefix = key.prefix;
  if (!probe.whole && probe.bytes.size() < kPrefixBytes) {
    const std::size_t bits = probe.bytes.size() * 8;
    prefix = bits == 0 ? 0 : prefix & (~std::uint64_t{0} << (64 - bits));
    return prefix < probe.prefix ? -1 : prefix > probe.prefix ? 1 : 0;
  }
  if (prefix != probe.prefix) {
    return prefix < probe.prefix ? -1 : 1;
  }
  const std::string_view wanted = behindPrefix(probe.bytes);
  std::string_view tail = tailOf(key);
  if (!probe.whole) {
    return tail.substr(0, wanted.size()).compare(wanted);
  }
  if (const int order = tail.compare(wanted); order != 0) {
    return order;
  }
  return key.row < probe.row ? -1 : key.row > probe.row ? 1 : 0;
}

void appendKey(std::string& key, const Datum& value) {
  if (value.isNull()) {
    key.push_back(kNullMark);
    return;
  }
  key.push_back(kValueMark);
  if (value.isFixed()) {
    appendBigEndian(key, static_cast<std::uint64_t>(value.asInteger()) ^ (std::uint64_t{1} << 63));
  } else if (value.type() == Type::kDouble) {
    double number = value.asReal();
    if (std::isnan(number)) {
      number = std::numeric_limits<double>::quiet_NaN();
    } else if (number == 0) {
      number = 0;  // without a sign
    }
    const auto bits = std::bit_cast<std::uint64_t>(number);
    appendBigEndian(key, (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63));
  } else {
    TREFOIL_ASSERT(value.isBytes());  // vectors have no order, and CREATE INDEX refuses them
    for (const char byte : value.asBytes()) {
      key.push_back(byte);
      if (byte == 0) {
        key.push_back(static_cast<char>(0xFF));
      }
    }
    key.push_back(0);
    key.push_back(1);
  }
}

IndexKind IndexTree::kindFor(std::span<const Type> types, bool unique) {
  if (types.size() == 1 && (types[0] == Type::kBool || types[0] == Type::kInteger)) {
    return unique ? IndexKind::kIntUnique : IndexKind::kIntMulti;
  }
  return IndexKind::kBytes;
}

std::uint64_t IndexTree::entries() const {
  return int_unique_.size() + int_multi_.size() + bytes_.size();
}

bool IndexTree::sameRoot(const IndexTree& other) const {
  return int_unique_.sameRoot(other.int_unique_) && int_multi_.sameRoot(other.int_multi_) && bytes_.sameRoot(other.bytes_);
}

void IndexTree::makeKey(std::span<const Datum> values, IndexKey& key) const {
  key.has_null = false;
  for (const Datum& value : values) {
    key.has_null |= value.isNull();
  }
  if (kind_ == IndexKind::kBytes) {
    key.omitted = false;
    key.bytes.clear();
    for (const Datum& value : values) {
      appendKey(key.bytes, value);
    }
  } else {
    key.omitted = key.has_null;
    key.integer = key.has_null ? 0 : values[0].asInteger();
  }
}

std::optional<RowId> IndexTree::find(const IndexKey& key) const {
  if (key.has_null) {
    return std::nullopt;
  }
  switch (kind_) {
    case IndexKind::kIntUnique:
      return findInt(key.integer);
    case IndexKind::kIntMulti: {
      const auto cursor = int_multi_.lowerBound(IntMultiKey{key.integer, 0});
      if (cursor.valid() && cursor.key().key == key.integer) {
        return static_cast<RowId>(cursor.key().row);
      }
      return std::nullopt;
    }
    case IndexKind::kBytes: {
      const KeyProbe probe(key.bytes, false);
      const auto cursor = bytes_.lowerBound(probe);
      if (cursor.valid() && BytesTraits::compare(cursor.key(), probe) == 0) {
        return static_cast<RowId>(cursor.key().row);
      }
      return std::nullopt;
    }
  }
  return std::nullopt;
}

bool IndexTree::insert(const IndexKey& key, RowId row, const WriteContext& context) {
  if (key.omitted) {
    return true;
  }
  const auto number = static_cast<std::uint64_t>(row);
  switch (kind_) {
    case IndexKind::kIntUnique:
      return int_unique_.insert(key.integer, number, context).inserted;
    case IndexKind::kIntMulti:
      return int_multi_.insert({key.integer, number}, {}, context).inserted;
    case IndexKind::kBytes: {
      if (unique_ && find(key).has_value()) {
        return false;
      }
      const BytesKey entry = makeEntry(key, row, context);
      const bool inserted = bytes_.insert(entry, {}, context).inserted;
      if (!inserted && entry.tail != nullptr) {
        context.retire(*const_cast<KeyTail*>(entry.tail), &freeTail);
      }
      return inserted;
    }
  }
  return false;
}

void IndexTree::erase(const IndexKey& key, RowId row, const WriteContext& context) {
  if (key.omitted) {
    return;
  }
  const auto number = static_cast<std::uint64_t>(row);
  bool erased = false;
  switch (kind_) {
    case IndexKind::kIntUnique:
      erased = int_unique_.erase(key.integer, context).has_value();
      break;
    case IndexKind::kIntMulti:
      erased = int_multi_.erase(IntMultiKey{key.integer, number}, context).has_value();
      break;
    case IndexKind::kBytes: {
      const auto entry = bytes_.erase(KeyProbe(key.bytes, true, number), context);
      erased = entry.has_value();
      if (erased && entry->key.tail != nullptr) {
        context.retire(*const_cast<KeyTail*>(entry->key.tail), &freeTail);
      }
      break;
    }
  }
  TREFOIL_ASSERT(erased);
}

bool IndexTree::contains(const IndexKey& key, RowId row) const {
  const auto number = static_cast<std::uint64_t>(row);
  switch (kind_) {
    case IndexKind::kIntUnique: {
      const std::uint64_t* found = int_unique_.find(key.integer);
      return found != nullptr && *found == number;
    }
    case IndexKind::kIntMulti:
      return int_multi_.contains(IntMultiKey{key.integer, number});
    case IndexKind::kBytes:
      return bytes_.contains(KeyProbe(key.bytes, true, number));
  }
  return false;
}

BytesKey IndexTree::makeEntry(const IndexKey& key, RowId row, const WriteContext& context) const {
  const auto number = static_cast<std::uint64_t>(row);
  if (kind_ != IndexKind::kBytes) {
    return {static_cast<std::uint64_t>(key.integer) ^ (std::uint64_t{1} << 63), nullptr, number};
  }
  const std::string_view behind = behindPrefix(key.bytes);
  return {prefixOf(key.bytes), behind.empty() ? nullptr : newTail(behind, context), number};
}

void IndexTree::dropEntry(const BytesKey& entry) {
  if (entry.tail != nullptr) {
    freeTail(const_cast<KeyTail*>(entry.tail));
  }
}

// ------------------------------------------------------------------------------------------------------------------------ walks

IndexWalk IndexTree::walk(IndexBounds bounds) const {
  IndexWalk walk;
  walk.kind_ = kind_;
  const bool down = bounds.descending;
  switch (kind_) {
    case IndexKind::kIntUnique:
      walk.int_unique_ = down ? int_unique_.lastAtMost(bounds.high) : int_unique_.lowerBound(bounds.low);
      break;
    case IndexKind::kIntMulti:
      walk.int_multi_ =
          down ? int_multi_.lastAtMost(IntMultiKey{bounds.high, UINT64_MAX}) : int_multi_.lowerBound(IntMultiKey{bounds.low, 0});
      break;
    case IndexKind::kBytes: {
      const KeyProbe lower(bounds.lower, false);
      const KeyProbe upper(bounds.upper, false);
      if (down) {
        walk.bytes_ = bounds.upper.empty()     ? bytes_.last()
                      : bounds.upper_inclusive ? bytes_.lastAtMost(upper)
                                               : bytes_.lastBelow(upper);
      } else {
        walk.bytes_ = bounds.lower.empty()     ? bytes_.first()
                      : bounds.lower_inclusive ? bytes_.lowerBound(lower)
                                               : bytes_.upperBound(lower);
      }
      break;
    }
  }
  walk.bounds_ = std::move(bounds);
  return walk;
}

template <typename Cursor, typename Inside, typename Row>
std::size_t IndexWalk::collect(Cursor& cursor, std::span<RowId> out, Inside&& inside, Row&& row) {
  std::size_t count = 0;
  while (count < out.size() && cursor.valid() && inside(cursor)) {
    out[count++] = static_cast<RowId>(row(cursor));
    bounds_.descending ? cursor.previous() : cursor.next();
  }
  return count;
}

std::size_t IndexWalk::next(std::span<RowId> out) {
  if (bounds_.empty) {
    return 0;
  }
  const auto int_inside = [this](std::int64_t key) { return bounds_.descending ? key >= bounds_.low : key <= bounds_.high; };
  switch (kind_) {
    case IndexKind::kIntUnique:
      return collect(
          int_unique_, out, [&](const auto& at) { return int_inside(at.key()); }, [](const auto& at) { return at.value(); });
    case IndexKind::kIntMulti:
      return collect(
          int_multi_, out, [&](const auto& at) { return int_inside(at.key().key); }, [](const auto& at) { return at.key().row; });
    case IndexKind::kBytes: {
      const KeyProbe lower(bounds_.lower, false);
      const KeyProbe upper(bounds_.upper, false);
      return collect(
          bytes_, out,
          [&](const auto& at) {
            if (bounds_.descending) {
              const int order = bounds_.lower.empty() ? 1 : BytesTraits::compare(at.key(), lower);
              return order > 0 || (order == 0 && bounds_.lower_inclusive);
            }
            const int order = bounds_.upper.empty() ? -1 : BytesTraits::compare(at.key(), upper);
            return order < 0 || (order == 0 && bounds_.upper_inclusive);
          },
          [](const auto& at) { return at.key().row; });
    }
  }
  return 0;
}

// ------------------------------------------------------------------------------------------------------------- between versions

void IndexTree::moveOn(const IndexTree& before, const IndexTree& after, const WriteContext& context,
                       std::unordered_set<const Stamped*>& gone, std::vector<RowId>& rows) {
  const auto move = [&](auto& tree, const auto& old_tree, const auto& new_tree) {
    auto difference = tree.difference(old_tree, new_tree);
    tree.moveOn(difference, context);
    gone.insert(difference.gone.begin(), difference.gone.end());
    return difference;
  };
  move(int_unique_, before.int_unique_, after.int_unique_);
  move(int_multi_, before.int_multi_, after.int_multi_);
  const auto difference = move(bytes_, before.bytes_, after.bytes_);
  const auto for_each_tail = [](const auto& nodes, auto&& function) {
    for (const auto* node : nodes) {
      decltype(bytes_)::forEachKey(*node, [&](const BytesKey& key) {
        if (key.tail != nullptr) {
          function(*const_cast<KeyTail*>(key.tail), static_cast<RowId>(key.row));
        }
      });
    }
  };
  std::unordered_set<const KeyTail*> old_tails;
  std::unordered_set<const KeyTail*> new_tails;
  for_each_tail(difference.gone, [&](KeyTail& tail, RowId) { old_tails.insert(&tail); });
  for_each_tail(difference.fresh, [&](KeyTail& tail, RowId) {
    new_tails.insert(&tail);
    if (!old_tails.contains(&tail)) {
      context.retire(tail, &freeTail);
    }
  });
  for_each_tail(difference.gone, [&](KeyTail& tail, RowId row) {
    if (!new_tails.contains(&tail)) {
      gone.insert(&tail);
      rows.push_back(row);
    }
  });
}

// ------------------------------------------------------------------------------------------------------------------- whole trees

void IndexTree::clear(const WriteContext& context) {
  for (auto at = bytes_.first(); at.valid(); at.next()) {
    if (at.key().tail != nullptr) {
      context.retire(*const_cast<KeyTail*>(at.key().tail), &freeTail);
    }
  }
  int_unique_.clear(context);
  int_multi_.clear(context);
  bytes_.clear(context);
}

void IndexTree::destroy() {
  for (auto at = bytes_.first(); at.valid(); at.next()) {
    if (at.key().tail != nullptr) {
      freeTail(const_cast<KeyTail*>(at.key().tail));
    }
  }
  int_unique_.destroy();
  int_multi_.destroy();
  bytes_.destroy();
}

void IndexTree::verify() const {
  int_unique_.verify();
  int_multi_.verify();
  bytes_.verify();
}

std::size_t IndexTree::memoryBytes() const {
  return (int_unique_.nodeCount() + int_multi_.nodeCount() + bytes_.nodeCount()) * node_pool::kBlockBytes;
}

}  // namespace trefoil::sql
