#include "sql/operators/group_table.hpp"

#include <cmath>

namespace trefoil::sql {
namespace {

constexpr std::uint64_t kMultiplier = 0x9FB21C651E98DF25ULL;
// What it costs to put a group into its slot, in units of work: memory that is far away.
constexpr std::size_t kPutWork = 16;
constexpr std::uint64_t kNullHash = 0x6A09E667F3BCC909ULL;

inline std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 32;
  value *= kMultiplier;
  value ^= value >> 29;
  value *= 0xBF58476D1CE4E5B9ULL;
  return value ^ (value >> 32);
}

inline std::uint64_t hashBytes(const char* data, std::size_t size) {
  std::uint64_t hash = size * kMultiplier;
  while (size >= 8) {
    std::uint64_t word;
    std::memcpy(&word, data, 8);
    hash = mix(hash ^ word);
    data += 8;
    size -= 8;
  }
  if (size > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, data, size);
    hash = mix(hash ^ word);
  }
  return hash;
}

inline std::uint64_t hashOf(std::uint8_t value) {
  return mix(value);
}
inline std::uint64_t hashOf(std::int64_t value) {
  return mix(static_cast<std::uint64_t>(value));
}
inline std::uint64_t hashOf(double value) {
  if (std::isnan(value)) {
    return mix(0x7FF8000000000000ULL);
  }
  return mix(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value));
}
inline std::uint64_t hashOf(const StringRef& value) {
  return hashBytes(value.data(), value.size());
}
inline std::uint64_t hashOf(const VectorRef& value) {
  std::uint64_t hash = value.dimension;
  for (std::uint32_t i = 0; i < value.dimension; ++i) {
    hash = mix(hash ^ std::bit_cast<std::uint32_t>(value.data[i] + 0.0F));  // -0 equals 0
  }
  return hash;
}

inline bool same(std::uint8_t a, std::uint8_t b) {
  return a == b;
}
inline bool same(std::int64_t a, std::int64_t b) {
  return a == b;
}
inline bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}
inline bool same(const StringRef& a, const StringRef& b) {
  return a == b;
}
inline bool same(const VectorRef& a, const VectorRef& b) {
  return a.dimension == b.dimension && std::equal(a.data, a.data + a.dimension, b.data);
}

template <typename T>
void hashColumn(const Column& column, const Rows& rows, std::uint64_t* hashes, bool first) {
  const T* const data = column.as<T>();
  const std::uint32_t mask = column.constant ? 0 : ~std::uint32_t{0};
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    const std::uint32_t i = rows.position(row);
    const std::uint64_t hash = column.isNull(i) ? kNullHash : hashOf(data[i & mask]);
    hashes[row] = first ? hash : mix(hashes[row] * 31 + hash);
  }
}

bool isIntegerLike(Type type) {
  return type == Type::kInteger;
}

template <typename T>
T element(std::span<const char> data, std::uint32_t index) {
  T value;
  std::memcpy(&value, data.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

void hashKeys(std::span<const Column> keys, const Rows& rows, std::vector<std::uint64_t>& hashes) {
  hashes.resize(rows.count);
  bool first = true;
  for (const Column& column : keys) {
    switch (column.type) {
      case Type::kNull:
        for (std::uint64_t& hash : hashes) {
          hash = first ? kNullHash : mix(hash * 31 + kNullHash);
        }
        break;
      case Type::kBool:
        hashColumn<std::uint8_t>(column, rows, hashes.data(), first);
        break;
      case Type::kInteger:
        hashColumn<std::int64_t>(column, rows, hashes.data(), first);
        break;
      case Type::kDouble:
        hashColumn<double>(column, rows, hashes.data(), first);
        break;
      case Type::kText:
      case Type::kBlob:
        hashColumn<StringRef>(column, rows, hashes.data(), first);
        break;
      case Type::kVector:
        hashColumn<VectorRef>(column, rows, hashes.data(), first);
        break;
    }
    first = false;
  }
  if (keys.empty()) {
    std::fill(hashes.begin(), hashes.end(), 0);
  }
}

GroupTable::GroupTable(const std::vector<Type>& key_types) {
  for (const Type type : key_types) {
    columns_.push_back({type, {}, {}});
  }
  clear();
}

void GroupTable::clear() {
  for (KeyColumn& column : columns_) {
    column.data.clear();
    column.nulls.clear();
  }
  size_ = 0;
  bytes_.reset();
  range_mode_ = columns_.size() == 1 && isIntegerLike(columns_[0].type);
  base_ = 0;
  range_.clear();
  null_group_ = kNone;
  slots_.clear();
  group_hashes_.clear();
}

std::size_t GroupTable::memory() const {
  std::size_t total = bytes_.capacity() + slots_.capacity() * sizeof(Slot) + group_hashes_.capacity() * 8 + range_.capacity() * 4;
  for (const KeyColumn& column : columns_) {
    total += column.data.capacity();
  }
  return total;
}

Status GroupTable::insert(WorkMeter& meter, std::span<const Column> keys, const Rows& rows, std::uint32_t* groups) {
  if (!range_mode_) {
    TREFOIL_TRY(makeRoom(meter, rows.count));
  }
  resolve<true>(keys, rows, groups);
  return {};
}
void GroupTable::find(std::span<const Column> keys, const Rows& rows, std::uint32_t* groups) {
  resolve<false>(keys, rows, groups);
}

template <bool Insert>
void GroupTable::resolve(std::span<const Column> keys, const Rows& rows, std::uint32_t* groups) {
  TREFOIL_DEBUG_ASSERT(keys.size() == columns_.size());
  if (rows.count == 0) {
    return;
  }
  if (range_mode_ && keys[0].type != Type::kNull) {
    resolveRange<Insert>(keys[0], rows, groups);
  } else {
    if (range_mode_ && Insert) {
      leaveRangeMode();
    }
    if (range_mode_) {
      std::fill(groups, groups + rows.count, null_group_);
    } else {
      resolveHash<Insert>(keys, rows, groups);
    }
  }
}

// Array mode. Keys outside of the array widen it, as long as it stays small.
template <bool Insert>
void GroupTable::resolveRange(const Column& key, const Rows& rows, std::uint32_t* groups) {
  const auto* const data = key.as<std::int64_t>();
  const std::uint32_t mask = key.constant ? 0 : ~std::uint32_t{0};
  const bool nulls = key.nulls != nullptr;
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    const std::uint32_t i = rows.position(row);
    if (nulls && key.isNull(i)) {
      if (Insert && null_group_ == kNone) {
        null_group_ = addGroup({&key, 1}, i);
      }
      groups[row] = null_group_;
      continue;
    }
    const std::int64_t value = data[i & mask];
    std::uint64_t place = static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(base_);
    if (place >= range_.size()) [[unlikely]] {
      if (!Insert) {
        groups[row] = kNone;
        continue;
      }
      if (!widenRange(value, value)) {
        leaveRangeMode();
        // The rows so far keep their numbers; the others go through the hash.
        std::vector<std::uint16_t> rest;
        for (std::uint32_t r = row; r < rows.count; ++r) {
          rest.push_back(static_cast<std::uint16_t>(rows.position(r)));
        }
        resolveHash<Insert>({&key, 1}, Rows{rest.data(), rows.count - row}, groups + row);
        return;
      }
      place = static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(base_);
    }
    std::uint32_t group = range_[place];
    if (Insert && group == kNone) [[unlikely]] {
      group = addGroup({&key, 1}, i);
      range_[place] = group;
    }
    groups[row] = group;
  }
}

bool GroupTable::widenRange(std::int64_t low, std::int64_t high) {
  if (!range_.empty()) {
    low = std::min(low, base_);
    high = std::max(high, base_ + static_cast<std::int64_t>(range_.size()) - 1);
  }
  const std::uint64_t needed = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (needed == 0 || needed > kMaxRange || low < INT64_MIN / 2 || high > INT64_MAX / 2) {
    return false;
  }
  // Leave room on both sides, so that widening is rare.
  const auto room = static_cast<std::int64_t>(std::min<std::uint64_t>(needed / 2 + 16, (kMaxRange - needed) / 2));
  const std::int64_t new_base = low - room;
  CountedVector<std::uint32_t> wider(needed + 2 * static_cast<std::uint64_t>(room), kNone);
  std::copy(range_.begin(), range_.end(), wider.begin() + (range_.empty() ? 0 : base_ - new_base));
  base_ = new_base;
  range_ = std::move(wider);
  return true;
}

void GroupTable::leaveRangeMode() {
  range_mode_ = false;
  range_ = {};
  group_hashes_.resize(size_);
  std::vector<Column> views;
  for (std::uint32_t first = 0; first < size_; first += kMaxChunkRows) {
    const std::uint32_t count = std::min<std::uint32_t>(kMaxChunkRows, size_ - first);
    keys(first, count, views);
    hashKeys(views, Rows{nullptr, count}, hashes_);
    std::copy(hashes_.begin(), hashes_.end(), group_hashes_.begin() + first);
  }
  emptySlots(size_ + kMaxChunkRows);
  for (std::uint32_t group = 0; group < size_; ++group) {
    putInSlot(group);
  }
}

template <bool Insert>
void GroupTable::resolveHash(std::span<const Column> keys, const Rows& rows, std::uint32_t* groups) {
  if (slots_.empty()) {
    std::fill(groups, groups + rows.count, kNone);
    return;
  }
  hashKeys(keys, rows, hashes_);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t row = 0; row < rows.count; ++row) {
    const std::uint64_t hash = hashes_[row];
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    const std::uint32_t i = rows.position(row);
    std::size_t at = hash & mask;
    for (;;) {
      Slot& slot = slots_[at];
      if (slot.group == kNone) {
        if (Insert) {
          const std::uint32_t group = addGroup(keys, i);
          group_hashes_.push_back(hash);
          slot = {tag, group};
        }
        groups[row] = slot.group;
        break;
      }
      if (slot.tag == tag && equals(keys, i, slot.group)) {
        groups[row] = slot.group;
        break;
      }
      at = (at + 1) & mask;
    }
  }
}

Status GroupTable::makeRoom(WorkMeter& meter, std::uint32_t rows) {
  const std::size_t groups = static_cast<std::size_t>(size_) + rows;
  if (groups * 2 <= slots_.size()) {
    return {};
  }
  emptySlots(groups);
  for (std::uint32_t group = 0; group < size_; ++group) {
    TREFOIL_TRY(meter.charge(kPutWork));
    putInSlot(group);
  }
  return {};
}

// Room for so many groups, with none in it yet.
void GroupTable::emptySlots(std::size_t groups) {
  slots_.assign(std::max<std::size_t>(1024, std::bit_ceil(groups * 4)), {0, kNone});
}

void GroupTable::putInSlot(std::uint32_t group) {
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t hash = group_hashes_[group];
  std::size_t at = hash & mask;
  while (slots_[at].group != kNone) {
    at = (at + 1) & mask;
  }
  slots_[at] = {static_cast<std::uint32_t>(hash >> 32), group};
}

std::uint32_t GroupTable::addGroup(std::span<const Column> keys, std::uint32_t position) {
  const std::uint32_t group = size_++;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    KeyColumn& column = columns_[c];
    const Column& key = keys[c];
    const std::size_t width = elementSize(column.type);
    const std::size_t at = column.data.size();
    if (column.data.capacity() - at < width) {
      column.data.reserve(std::max<std::size_t>(64 * 16, at * 2));
    }
    column.data.resize(at + width);
    if ((group & 63) == 0) {
      column.nulls.push_back(0);
    }
    if (key.isNull(position)) {
      column.nulls.back() |= std::uint64_t{1} << (group & 63);
      continue;
    }
    const std::uint32_t index = key.constant ? 0 : position;
    char* const to = column.data.data() + at;
    std::memcpy(to, static_cast<const char*>(key.data) + index * width, width);
    if (width == sizeof(StringRef) && !key.stable) {
      if (column.type == Type::kVector) {
        const VectorRef& ref = key.as<VectorRef>()[index];
        const auto copy = bytes_.copy({reinterpret_cast<const char*>(ref.data), ref.dimension * sizeof(float)});
        new (to) VectorRef{reinterpret_cast<const float*>(copy.data()), ref.dimension};
      } else if (const StringRef& ref = key.as<StringRef>()[index]; !ref.isInline()) {
        new (to) StringRef(bytes_.copy(ref.view()));
      }
    }
  }
  return group;
}

bool GroupTable::equals(std::span<const Column> keys, std::uint32_t position, std::uint32_t group) const {
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const KeyColumn& column = columns_[c];
    const Column& key = keys[c];
    const bool null = key.isNull(position);
    if (null || column.isNull(group)) {
      if (null != column.isNull(group)) {
        return false;
      }
      continue;
    }
    const std::uint32_t index = key.constant ? 0 : position;
    bool equal = true;
    switch (column.type) {
      case Type::kNull:
        break;
      case Type::kBool:
        equal = same(key.as<std::uint8_t>()[index], element<std::uint8_t>(column.data, group));
        break;
      case Type::kInteger:
        equal = same(key.as<std::int64_t>()[index], element<std::int64_t>(column.data, group));
        break;
      case Type::kDouble:
        equal = same(key.as<double>()[index], element<double>(column.data, group));
        break;
      case Type::kText:
      case Type::kBlob:
        equal = same(key.as<StringRef>()[index], reinterpret_cast<const StringRef*>(column.data.data())[group]);
        break;
      case Type::kVector:
        equal = same(key.as<VectorRef>()[index], reinterpret_cast<const VectorRef*>(column.data.data())[group]);
        break;
    }
    if (!equal) {
      return false;
    }
  }
  return true;
}

void GroupTable::keys(std::uint32_t first, [[maybe_unused]] std::uint32_t count, std::vector<Column>& out) const {
  TREFOIL_DEBUG_ASSERT(first % 64 == 0 && first + count <= size_);
  out.resize(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const KeyColumn& column = columns_[c];
    out[c] = {column.type, false, true, column.data.data() + first * elementSize(column.type), column.nulls.data() + first / 64};
  }
}

}  // namespace trefoil::sql
