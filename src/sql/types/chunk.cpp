#include "sql/types/chunk.hpp"

namespace trefoil::sql {

Datum Column::datum(std::uint32_t position) const {
  if (isNull(position)) {
    return Datum::null();
  }
  const std::uint32_t index = constant ? 0 : position;
  switch (type) {
    case Type::kNull:
      break;
    case Type::kBool:
      return Datum::boolean(as<std::uint8_t>()[index] != 0);
    case Type::kInteger:
      return Datum::fixed(type, as<std::int64_t>()[index]);
    case Type::kDouble:
      return Datum::real(as<double>()[index]);
    case Type::kText:
    case Type::kBlob:
      return Datum::bytes(type, as<StringRef>()[index].view());
    case Type::kVector: {
      const VectorRef& vector = as<VectorRef>()[index];
      return Datum::vector({vector.data, vector.dimension});
    }
  }
  return Datum::null();
}

void ColumnBuffer::reset(Type type, std::size_t capacity) {
  const std::size_t bytes = elementSize(type) * capacity;
  if (bytes > data_.size() || data_.get() == nullptr) {
    data_ = CountedBytes(bytes == 0 ? 1 : bytes);
  }
  if (capacity > capacity_ || nulls_ == nullptr) {
    nulls_.reset(new std::uint64_t[(capacity + 63) / 64 + 1]);
    capacity_ = capacity;
  }
  type_ = type;
  clearNulls();
}

void ColumnBuffer::clearNulls() {
  std::memset(nulls_.get(), 0, ((capacity_ + 63) / 64) * sizeof(std::uint64_t));
}

void ColumnBuffer::set(std::uint32_t position, const Datum& value) {
  TREFOIL_DEBUG_ASSERT(position < capacity_);
  const std::uint64_t bit = std::uint64_t{1} << (position & 63);
  if (value.isNull() || type_ == Type::kNull) {
    nulls_[position >> 6] |= bit;
    if (elementSize(type_) == sizeof(StringRef)) {
      std::memset(data_.get() + position * sizeof(StringRef), 0, sizeof(StringRef));
    }
    return;
  }
  nulls_[position >> 6] &= ~bit;
  switch (type_) {
    case Type::kNull:
      break;
    case Type::kBool:
      as<std::uint8_t>()[position] = value.asBool() ? 1 : 0;
      break;
    case Type::kInteger:
      as<std::int64_t>()[position] = value.asInteger();
      break;
    case Type::kDouble:
      as<double>()[position] = value.asReal();
      break;
    case Type::kText:
    case Type::kBlob:
      as<StringRef>()[position] = StringRef(value.asBytes());
      break;
    case Type::kVector:
      as<VectorRef>()[position] = {value.asVector().data(), static_cast<std::uint32_t>(value.asVector().size())};
      break;
  }
}

namespace {

template <typename T>
void gatherElements(const Column& from, const Rows& rows, T* to) {
  const T* const data = from.as<T>();
  if (from.constant) {
    std::fill(to, to + rows.count, data[0]);
  } else if (rows.selection == nullptr) {
    std::memcpy(static_cast<void*>(to), data, rows.count * sizeof(T));
  } else {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      to[i] = data[rows.selection[i]];
    }
  }
}

}  // namespace

void ColumnBuffer::gather(const Column& from, const Rows& rows, std::uint32_t at) {
  TREFOIL_DEBUG_ASSERT(at + rows.count <= capacity_);
  if (from.type != Type::kNull) {
    TREFOIL_DEBUG_ASSERT(elementSize(from.type) == elementSize(type_));
    switch (elementSize(type_)) {
      case 1:
        gatherElements(from, rows, as<std::uint8_t>() + at);
        break;
      case 8:
        gatherElements(from, rows, as<std::int64_t>() + at);
        break;
      case 16:
        gatherElements(from, rows, as<StringRef>() + at);
        break;
      default:
        break;
    }
  } else if (elementSize(type_) == sizeof(StringRef)) {
    std::memset(data_.get() + at * sizeof(StringRef), 0, rows.count * sizeof(StringRef));
  }
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << ((at + i) & 63);
    if (from.isNull(rows.position(i))) {
      nulls_[(at + i) >> 6] |= bit;
    } else {
      nulls_[(at + i) >> 6] &= ~bit;
    }
  }
}

}  // namespace trefoil::sql
