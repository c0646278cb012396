#include "base/effect_buffer.hpp"

#include <algorithm>
#include <functional>

#include "base/large_pages.hpp"
#include "base/query_memory.hpp"

namespace trefoil {

namespace {
// Of a borrowed string, before what is there of its item: the tag and the pointer.
constexpr std::size_t kReferenceBytes = 1 + sizeof(const char*);
}  // namespace

void EffectBuffer::grow(std::size_t more) {
  std::size_t capacity = capacity_ * 2;
  while (capacity - size_ < more) {
    capacity *= 2;
  }
  QueryMemory::admitStaged(capacity);
  char* data = new char[capacity];
  preferLargePages(data, capacity);
  std::memcpy(data, data_, size_);
  if (data_ != inline_) {
    release();
  }
  data_ = data;
  capacity_ = capacity;
  MemoryAccount::add(MemoryLeaf::kTransactions, static_cast<std::int64_t>(capacity_));
}

void EffectBuffer::release() {
  MemoryAccount::add(MemoryLeaf::kTransactions, -static_cast<std::int64_t>(capacity_));
  delete[] data_;
}

void EffectBuffer::borrowFrom(std::span<const std::string_view> lent) {
  if (loan_ == nullptr) {
    loan_ = std::make_unique<Loan>();
  }
  loan_->lent = lent;
}

// What is no part of the texts lent may be gone before the buffer is.
bool EffectBuffer::tryBorrow(std::string_view bytes) {
  const auto lies_in = [&](std::string_view text) {
    return std::less_equal<>()(text.data(), bytes.data()) &&
           std::less_equal<>()(bytes.data() + bytes.size(), text.data() + text.size());
  };
  if (loan_ == nullptr || std::none_of(loan_->lent.begin(), loan_->lent.end(), lies_in)) {
    return false;
  }
  QueryMemory::admitGrowth();
  loan_->places.push_back(size_);
  const char* const data = bytes.data();
  char* to = reserve(kReferenceBytes);
  to[0] = static_cast<char>(kBorrowedTag);
  std::memcpy(to + 1, static_cast<const void*>(&data), sizeof(data));
  size_ += kReferenceBytes;
  putByte(static_cast<std::uint8_t>(ItemTag::kString));
  putVarint(bytes.size());
  return true;
}

void EffectBuffer::forgetBorrowed() {
  while (!loan_->places.empty() && loan_->places.back() >= size_) {
    loan_->places.pop_back();
  }
}

std::vector<std::string_view> EffectBuffer::pieces() const {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  const auto add = [&](std::size_t end) {
    if (end > begin) {
      pieces.push_back(bytes().substr(begin, end - begin));
    }
  };
  if (loan_ != nullptr) {
    for (const std::size_t place : loan_->places) {
      add(place);
      EffectReader reader = EffectReader::ofStaged(bytes().substr(place));
      const std::string_view borrowed = reader.getString();
      begin = place + kReferenceBytes;
      add(place + reader.offset());
      pieces.push_back(borrowed);
      begin = place + reader.offset();
    }
  }
  add(size_);
  return pieces;
}

void EffectBuffer::putVector(std::span<const float> values) {
  putByte(static_cast<std::uint8_t>(ItemTag::kVector));
  putVarint(values.size());
  putRaw({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void EffectBuffer::putDatum(const Datum& datum) {
  switch (datum.type()) {
    case Type::kNull:
      return putNull();
    case Type::kBool:
      return putBool(datum.asBool());
    case Type::kInteger:
      return putInt(datum.asInteger());
    case Type::kDouble:
      return putDouble(datum.asReal());
    case Type::kText:
      return putString(datum.asBytes());
    case Type::kBlob:
      return putBinary(datum.asBytes());
    case Type::kVector:
      return putVector(datum.asVector());
  }
}

bool EffectReader::expect(ItemTag tag) {
  if (getByte() != static_cast<std::uint8_t>(tag) || !ok_) {
    fail();
    return false;
  }
  return true;
}

std::uint64_t EffectReader::getLongVarint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = getByte();
    if (shift == 63 && byte > 1) {
      return fail();  // more than 64 bits
    }
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  return fail();
}

std::int64_t EffectReader::getInt() {
  if (!expect(ItemTag::kInt64)) {
    return 0;
  }
  const std::uint64_t zigzag = getVarint();
  return static_cast<std::int64_t>(zigzag >> 1) ^ -static_cast<std::int64_t>(zigzag & 1);
}

double EffectReader::getDouble() {
  if (!expect(ItemTag::kDouble)) {
    return 0;
  }
  double value = 0;
  if (const auto raw = getRaw(8); ok_) {
    std::memcpy(&value, raw.data(), 8);
  }
  return value;
}

std::string_view EffectReader::getOtherString() {
  if (getByte() == kBorrowedTag && follows_) {
    return getBorrowed();
  }
  fail();
  return {};
}

std::string_view EffectReader::getBorrowed() {
  const char* data = nullptr;
  if (const auto raw = getRaw(sizeof(data)); ok_) {
    std::memcpy(static_cast<void*>(&data), raw.data(), sizeof(data));
  }
  const bool is_string = expect(ItemTag::kString);
  const std::size_t size = getVarint();
  TREFOIL_ASSERT(is_string && ok_);  // this process has written it
  return {data, size};
}

std::string_view EffectReader::getBinary() {
  return expect(ItemTag::kBinary) ? getRaw(getVarint()) : std::string_view{};
}

bool EffectReader::getBool() {
  const std::uint8_t tag = getByte();
  if (tag != static_cast<std::uint8_t>(ItemTag::kTrue) && tag != static_cast<std::uint8_t>(ItemTag::kFalse)) {
    fail();
    return false;
  }
  return tag == static_cast<std::uint8_t>(ItemTag::kTrue);
}

Datum EffectReader::getDatum(std::unique_ptr<float[]>& scratch) {
  const std::uint8_t tag = getByte();
  if (!ok_) {
    return {};
  }
  switch (static_cast<ItemTag>(tag)) {
    case ItemTag::kNull:
      return Datum::null();
    case ItemTag::kFalse:
      return Datum::boolean(false);
    case ItemTag::kTrue:
      return Datum::boolean(true);
    case ItemTag::kInt64:
      --at_;
      return Datum::integer(getInt());
    case ItemTag::kDouble:
      --at_;
      return Datum::real(getDouble());
    case ItemTag::kString:
      return Datum::text(getRaw(getVarint()));
    case ItemTag::kBinary:
      return Datum::blob(getRaw(getVarint()));
    case ItemTag::kJson:
      return Datum::text(getRaw(getVarint()));
    case ItemTag::kTyped: {
      constexpr std::uint8_t kTimestamp = 6;
      constexpr std::uint8_t kDate = 7;
      if (const std::uint8_t type = getByte(); type != kTimestamp && type != kDate) {
        fail();
        return {};
      }
      return Datum::integer(getInt());
    }
    case ItemTag::kVector: {
      const std::uint64_t dimension = getVarint();
      if (dimension > static_cast<std::uint64_t>(end_ - at_) / sizeof(float)) {
        fail();
        return {};
      }
      const auto raw = getRaw(dimension * sizeof(float));
      if (reinterpret_cast<std::uintptr_t>(raw.data()) % alignof(float) == 0) {
        return Datum::vector({reinterpret_cast<const float*>(raw.data()), static_cast<std::size_t>(dimension)});
      }
      scratch = std::make_unique<float[]>(dimension);
      std::memcpy(scratch.get(), raw.data(), raw.size());
      return Datum::vector({scratch.get(), static_cast<std::size_t>(dimension)});
    }
  }
  fail();
  return {};
}

Error EffectReader::error() const {
  TREFOIL_ASSERT(!ok_);
  return {ErrorCode::kCorruption, "an effect's bytes are not of its format"};
}

}  // namespace trefoil
