#include "engine/result_set.hpp"

#include <cstring>

#include "base/assert.hpp"

namespace trefoil {

// A chunk that owns everything: dense columns, and the bytes of long texts and vectors in one block.
struct ResultSet::OwnedChunk {
  sql::Chunk chunk;
  std::vector<sql::ColumnBuffer> buffers;
  std::vector<char> bytes;  // sized before it is filled: the columns point into it

  void assign(const sql::Chunk& from);

 private:
  std::size_t longBytes(const sql::Chunk& from) const;
  void ownBytes(std::size_t column, std::size_t& at);
};

namespace {

std::size_t roundedUp(std::size_t size) {
  return (size + 15) & ~std::size_t{15};
}

}  // namespace

std::size_t ResultSet::OwnedChunk::longBytes(const sql::Chunk& from) const {
  std::size_t total = 0;
  for (const sql::Column& column : from.columns) {
    const bool is_bytes = isBytes(column.type);
    if (!is_bytes && column.type != Type::kVector) {
      continue;
    }
    for (std::uint32_t row = 0; row < from.size(); ++row) {
      const std::uint32_t position = from.rows.position(row);
      if (column.isNull(position)) {
        continue;
      }
      const std::uint32_t index = column.constant ? 0 : position;
      if (is_bytes) {
        const sql::StringRef& text = column.as<sql::StringRef>()[index];
        total += text.isInline() ? 0 : roundedUp(text.size());
      } else {
        total += roundedUp(column.as<sql::VectorRef>()[index].dimension * sizeof(float));
      }
    }
  }
  return total;
}

// Replaces views of foreign bytes in a column of ours by views of our copy.
void ResultSet::OwnedChunk::ownBytes(std::size_t column, std::size_t& at) {
  sql::ColumnBuffer& buffer = buffers[column];
  const sql::Column view = buffer.view();
  for (std::uint32_t row = 0; row < chunk.size(); ++row) {
    if (view.isNull(row)) {
      continue;
    }
    if (view.type == Type::kVector) {
      sql::VectorRef& vector = buffer.as<sql::VectorRef>()[row];
      const std::size_t size = vector.dimension * sizeof(float);
      if (size != 0) {
        std::memcpy(&bytes[at], vector.data, size);
        vector.data = reinterpret_cast<const float*>(&bytes[at]);
      }
      at += roundedUp(size);
    } else if (sql::StringRef& text = buffer.as<sql::StringRef>()[row]; !text.isInline()) {
      std::memcpy(&bytes[at], text.data(), text.size());
      const std::size_t size = text.size();
      text = sql::StringRef(std::string_view(&bytes[at], size));
      at += roundedUp(size);
    }
  }
}

void ResultSet::OwnedChunk::assign(const sql::Chunk& from) {
  const std::uint32_t rows = from.size();
  buffers.resize(from.columns.size());
  chunk.columns.resize(from.columns.size());
  chunk.rows = {nullptr, rows};
  bytes.resize(longBytes(from));
  std::size_t at = 0;
  for (std::size_t i = 0; i < from.columns.size(); ++i) {
    const sql::Column& column = from.columns[i];
    if (buffers[i].type() != column.type || buffers[i].capacity() < rows) {
      buffers[i].reset(column.type, rows);
    } else {
      buffers[i].clearNulls();
    }
    if (column.constant) {
      for (std::uint32_t row = 0; row < rows; ++row) {
        buffers[i].set(row, column.datum(0));
      }
    } else {
      buffers[i].gather(column, from.rows, 0);
    }
    const bool has_bytes = isBytes(column.type) || column.type == Type::kVector;
    if (has_bytes) {
      ownBytes(i, at);
    }
    chunk.columns[i] = buffers[i].view();
  }
  TREFOIL_ASSERT(at == bytes.size());
}

ResultSet::ResultSet() = default;
ResultSet::ResultSet(ResultSet&&) noexcept = default;
ResultSet& ResultSet::operator=(ResultSet&&) noexcept = default;
ResultSet::~ResultSet() = default;

const sql::Chunk& ResultSet::chunk(std::size_t index) const {
  TREFOIL_ASSERT(index < used_);
  return chunks_[index]->chunk;
}

Status ResultSet::columns(std::span<const sql::ColumnInfo> columns) {
  const bool same = columns.size() == columns_.size() && std::equal(columns.begin(), columns.end(), columns_.begin(),
                                                                    [](const sql::ColumnInfo& a, const sql::ColumnInfo& b) {
                                                                      return a.name == b.name && a.type == b.type;
                                                                    });
  if (!same) {
    columns_.assign(columns.begin(), columns.end());
  }
  return {};
}

Status ResultSet::chunk(const sql::Chunk& chunk) {
  if (used_ == chunks_.size()) {
    chunks_.push_back(std::make_unique<OwnedChunk>());
  }
  chunks_[used_]->assign(chunk);
  ++used_;
  rows_ += chunk.size();
  return {};
}

void ResultSet::clear() {
  used_ = 0;
  rows_ = 0;
  affected_ = 0;
}

}  // namespace trefoil
