#include "sql/operators/row_buffer.hpp"

namespace trefoil::sql {

void RowBuffer::clear() {
  size_ = 0;
  segments_.clear();
  bytes_->reset();
}

void RowBuffer::append(std::span<const Column> columns, const Rows& rows) {
  std::uint32_t done = 0;
  std::vector<std::uint16_t> positions;
  while (done < rows.count) {
    const std::uint32_t at = size_ % kMaxChunkRows;
    if (at == 0) {
      segments_.emplace_back(types_.size());
      for (std::size_t c = 0; c < types_.size(); ++c) {
        segments_.back()[c].reset(types_[c], kMaxChunkRows);
      }
    }
    const auto count = std::min<std::uint32_t>(kMaxChunkRows - at, rows.count - done);
    Rows part = rows;
    if (count != rows.count) {
      positions.resize(count);
      for (std::uint32_t i = 0; i < count; ++i) {
        positions[i] = static_cast<std::uint16_t>(rows.position(done + i));
      }
      part = {positions.data(), count};
    }
    for (std::size_t c = 0; c < types_.size(); ++c) {
      ColumnBuffer& to = segments_.back()[c];
      to.gather(columns[c], part, at);
      if (elementSize(types_[c]) == sizeof(StringRef) && !columns[c].stable) {
        ownBytes(to, at, count, *bytes_);
      }
    }
    size_ += count;
    done += count;
  }
}

void ownBytes(ColumnBuffer& buffer, std::uint32_t from, std::uint32_t count, ByteArena& bytes) {
  const Column view = buffer.view();
  for (std::uint32_t i = from; i < from + count; ++i) {
    if (view.isNull(i)) {
      continue;
    }
    if (buffer.type() == Type::kVector) {
      VectorRef& ref = buffer.as<VectorRef>()[i];
      const auto copy = bytes.copy({reinterpret_cast<const char*>(ref.data), ref.dimension * sizeof(float)});
      ref.data = reinterpret_cast<const float*>(copy.data());
    } else if (StringRef& ref = buffer.as<StringRef>()[i]; !ref.isInline()) {
      ref = StringRef(bytes.copy(ref.view()));
    }
  }
}

namespace {

template <typename T>
void gatherFrom(const std::vector<std::vector<ColumnBuffer>>& segments, std::size_t column, std::span<const std::uint32_t> rows,
                ColumnBuffer& out) {
  T* const to = out.as<T>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint32_t row = rows[i];
    if (row == RowBuffer::kNoRow) {
      out.setNull(static_cast<std::uint32_t>(i));
      continue;
    }
    const Column view = segments[row / kMaxChunkRows][column].view();
    to[i] = view.as<T>()[row % kMaxChunkRows];
    if (view.isNull(row % kMaxChunkRows)) {
      out.setNull(static_cast<std::uint32_t>(i));
    }
  }
}

}  // namespace

void RowBuffer::gather(std::size_t column, std::span<const std::uint32_t> rows, ColumnBuffer& out) const {
  out.clearNulls();
  switch (elementSize(types_[column])) {
    case 1:
      gatherFrom<std::uint8_t>(segments_, column, rows, out);
      break;
    case 8:
      gatherFrom<std::int64_t>(segments_, column, rows, out);
      break;
    case 16:
      gatherFrom<StringRef>(segments_, column, rows, out);
      break;
    default:
      for (std::size_t i = 0; i < rows.size(); ++i) {
        out.setNull(static_cast<std::uint32_t>(i));
      }
  }
}

}  // namespace trefoil::sql
