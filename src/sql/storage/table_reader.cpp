#include "sql/storage/table_reader.hpp"

#include <array>

namespace trefoil::sql {

Column BlockReader::column(std::size_t column) const {
  const ColumnChunk& chunk = *block_->column(column);
  return {chunk.type, false, true, chunk.data(), chunk.null_count == 0 ? nullptr : chunk.nulls};
}

void BlockReader::rowIds(std::int64_t* out) const {
  const auto first = static_cast<std::int64_t>(makeRowId(number_, 0));
  if (block_->packed != 0) {
    forEachBit(block_->placed, [&](std::uint32_t slot) { *out++ = first + slot; });
    return;
  }
  constexpr std::uint32_t kAtOnce = 16;  // a number that compilers make vectors of; kBlockRows is a multiple
  for (std::uint32_t i = 0; i < block_->extent; i += kAtOnce) {
    for (std::uint32_t j = 0; j < kAtOnce; ++j) {
      out[i + j] = first + i + j;
    }
  }
}

const std::uint64_t* BlockReader::present(Words& scratch) const {
  if (block_->packed == 0) {
    return block_->present;
  }
  scratch.fill(0);
  std::uint32_t position = 0;
  forEachBit(block_->placed, [&](std::uint32_t slot) {
    scratch[position >> 6] |= std::uint64_t{block_->isPresent(slot)} << (position & 63);
    ++position;
  });
  return scratch.data();
}

vector::CandidateBlock BlockReader::candidates(std::size_t column) const {
  const ColumnChunk& chunk = *block_->column(column);
  TREFOIL_DEBUG_ASSERT(chunk.type == Type::kVector);
  const auto* const slots = chunk.as<vector::Slot>();
  vector::CandidateBlock block{static_cast<std::uint64_t>(makeRowId(number_, 0)), {slots, block_->extent}, {}, {}};
  if (block_->packed != 0) {
    auto unpacked = std::make_shared<std::vector<vector::Slot>>(block_->extent, vector::kNoSlot);
    std::uint32_t position = 0;
    forEachBit(block_->placed, [&](std::uint32_t slot) { (*unpacked)[slot] = slots[position++]; });
    block.slots = *unpacked;
    block.owner = std::move(unpacked);
  }
  return block;
}

Column BlockReader::fillVectors(std::size_t column, VectorRef* out) const {
  const ColumnChunk& chunk = *block_->column(column);
  const vector::VectorArena& arena = *(*version_->vectors)[column];
  const auto* slots = chunk.as<vector::Slot>();
  Words scratch;
  const std::uint64_t* const present = this->present(scratch);
  for (std::uint32_t position = 0; position < extent(); ++position) {
    out[position] = VectorRef{};
    if (((present[position >> 6] >> (position & 63)) & 1) != 0 && !chunk.isNull(position)) {
      const auto floats = arena.at(slots[position]);
      out[position] = {floats.data(), static_cast<std::uint32_t>(floats.size())};
    }
  }
  return {Type::kVector, false, true, out, chunk.null_count == 0 ? nullptr : chunk.nulls};
}

bool TableReader::contains(RowId row) const {
  const Block* block = version_->findBlock(blockOf(row));
  return block != nullptr && block->isPresent(slotOf(row));
}

Datum TableReader::value(RowId row, std::size_t column) const {
  const Block* block = version_->findBlock(blockOf(row));
  TREFOIL_DEBUG_ASSERT(block != nullptr && block->isPresent(slotOf(row)));
  return blockValue(*block, column, slotOf(row), (*version_->vectors)[column].get());
}

void TableReader::row(RowId row, std::span<Datum> out) const {
  const Block* block = version_->findBlock(blockOf(row));
  TREFOIL_DEBUG_ASSERT(block != nullptr && block->isPresent(slotOf(row)));
  const std::uint32_t position = block->position(slotOf(row));
  for (std::size_t column = 0; column < out.size(); ++column) {
    out[column] = chunkValue(*block->column(column), position, (*version_->vectors)[column].get());
  }
}

std::optional<RowId> TableReader::findUnique(std::size_t index, std::span<const Datum> key) const {
  const IndexTree& tree = version_->indexes[index];
  TREFOIL_DEBUG_ASSERT(tree.unique());
  if (tree.kind() == IndexKind::kIntUnique) {
    return key[0].isNull() ? std::nullopt : tree.findInt(key[0].asInteger());
  }
  IndexKey encoded;
  tree.makeKey(key, encoded);
  return tree.find(encoded);
}

namespace {

IndexBounds intBounds(const IndexRange& range) {
  IndexBounds bounds;
  bounds.descending = range.descending;
  if (!range.equals.empty()) {
    bounds.low = bounds.high = range.equals[0].asInteger();
    return bounds;
  }
  if (range.lower.has_value()) {
    bounds.low = range.lower->asInteger();
    bounds.empty |= !range.lower_inclusive && bounds.low == INT64_MAX;
    bounds.low += range.lower_inclusive || bounds.empty ? 0 : 1;
  }
  if (range.upper.has_value()) {
    bounds.high = range.upper->asInteger();
    bounds.empty |= !range.upper_inclusive && bounds.high == INT64_MIN;
    bounds.high -= range.upper_inclusive || bounds.empty ? 0 : 1;
  }
  bounds.empty |= bounds.low > bounds.high;
  return bounds;
}

IndexBounds bytesBounds(const IndexRange& range) {
  IndexBounds bounds;
  bounds.descending = range.descending;
  for (const Datum& value : range.equals) {
    appendKey(bounds.lower, value);
  }
  bounds.upper = bounds.lower;
  if (!range.lower.has_value() && !range.upper.has_value()) {
    return bounds;
  }
  // Every value's encoding begins with 1 and NULL's with 2, so an open side ends where the values do.
  if (range.lower.has_value()) {
    appendKey(bounds.lower, *range.lower);
    bounds.lower_inclusive = range.lower_inclusive;
  } else {
    bounds.lower.push_back(1);
  }
  if (range.upper.has_value()) {
    appendKey(bounds.upper, *range.upper);
    bounds.upper_inclusive = range.upper_inclusive;
  } else {
    bounds.upper.push_back(1);
  }
  return bounds;
}

}  // namespace

IndexBounds TableReader::bounds(std::size_t index, const IndexRange& range) const {
  return version_->indexes[index].kind() == IndexKind::kBytes ? bytesBounds(range) : intBounds(range);
}

IndexCursor TableReader::range(std::size_t index, const IndexRange& range) const {
  IndexCursor cursor;
  cursor.walk_ = version_->indexes[index].walk(bounds(index, range));
  return cursor;
}

std::size_t IndexCursor::next(std::span<RowId> out) {
  return walk_.next(out);
}

bool TableReader::indexOmitsNulls(std::size_t index) const {
  return version_->indexes[index].omitsNulls();
}

std::uint64_t TableReader::indexEntries(std::size_t index) const {
  return version_->indexes[index].entries();
}

const vector::VectorArena& TableReader::vectorArena(std::size_t column) const {
  return *(*version_->vectors)[column];
}

}  // namespace trefoil::sql
