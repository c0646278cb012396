#include "sql/storage/block_codec.hpp"

#include <algorithm>
#include <array>

#include "sql/storage/effects.hpp"
#include "sql/storage/table_writer.hpp"

namespace trefoil::sql {

namespace {

Error corrupt(std::string_view what) {
  return {ErrorCode::kCorruption, "a captured block " + std::string(what)};
}

// Words of a bitmap of `extent` bits.
std::size_t wordsOf(std::uint32_t extent) {
  return (extent + 63) / 64;
}

std::string_view rawWords(const std::uint64_t* words, std::uint32_t extent) {
  return {reinterpret_cast<const char*>(words), wordsOf(extent) * sizeof(std::uint64_t)};
}

bool bit(const std::uint64_t* words, std::uint32_t slot) {
  return ((words[slot >> 6] >> (slot & 63)) & 1) != 0;
}

// The values of a fixed-size column, 0 where there is none.
template <typename T>
void putFixed(EffectBuffer& out, const ColumnChunk& chunk, const Block& block, const std::uint64_t* nulls) {
  std::array<T, kBlockRows> values;
  for (std::uint32_t slot = 0; slot < block.extent; ++slot) {
    values[slot] = block.isPresent(slot) && !bit(nulls, slot) ? chunk.as<T>()[block.position(slot)] : T{};
  }
  out.putRaw({reinterpret_cast<const char*>(values.data()), block.extent * sizeof(T)});
}

void putColumn(EffectBuffer& out, const TableVersion& version, std::size_t column, const Block& block) {
  const ColumnChunk& chunk = *block.column(column);
  std::array<std::uint64_t, kBlockWords> nulls{};
  bool has_nulls = false;
  if (chunk.null_count != 0) {
    forEachBit(block.present, [&](std::uint32_t slot) {
      const bool is_null = chunk.isNull(block.position(slot));
      nulls[slot >> 6] |= std::uint64_t{is_null} << (slot & 63);
      has_nulls |= is_null;
    });
  }
  out.putByte(static_cast<std::uint8_t>(ChunkKind::kPlain));
  out.putByte(static_cast<std::uint8_t>(chunk.type));
  out.putByte(has_nulls ? 1 : 0);
  if (has_nulls) {
    out.putRaw(rawWords(nulls.data(), block.extent));
  }
  if (chunk.type == Type::kBool) {
    putFixed<std::uint8_t>(out, chunk, block, nulls.data());
  } else if (!isBytes(chunk.type) && chunk.type != Type::kVector) {
    putFixed<std::uint64_t>(out, chunk, block, nulls.data());
  } else {
    for (std::uint32_t slot = 0; slot < block.extent; ++slot) {
      if (!block.isPresent(slot) || bit(nulls.data(), slot)) {
        continue;
      }
      if (chunk.type == Type::kVector) {
        const auto floats = (*version.vectors)[column]->at(chunk.as<vector::Slot>()[block.position(slot)]);
        out.putRaw({reinterpret_cast<const char*>(floats.data()), floats.size_bytes()});
      } else {
        const std::string_view bytes = chunk.as<StringRef>()[block.position(slot)].view();
        out.putVarint(bytes.size());
        out.putRaw(bytes);
      }
    }
  }
}

// A bitmap of `extent` bits; false if it is cut off or has bits behind the extent.
bool getWords(EffectReader& reader, std::uint32_t extent, std::array<std::uint64_t, kBlockWords>& words) {
  words.fill(0);
  const std::string_view raw = reader.getRaw(wordsOf(extent) * sizeof(std::uint64_t));
  if (!reader.ok()) {
    return false;
  }
  std::memcpy(words.data(), raw.data(), raw.size());
  return extent % 64 == 0 || words[extent / 64] >> (extent % 64) == 0;
}

template <typename T>
Datum fixedDatum(Type type, const char* raw, std::uint32_t slot) {
  T value;
  std::memcpy(&value, raw + slot * sizeof(T), sizeof(T));
  if constexpr (std::is_same_v<T, double>) {
    (void)type;
    return Datum::real(value);
  } else {
    return Datum::fixed(type, static_cast<std::int64_t>(value));
  }
}

// One value of a column behind its bitmaps. `fixed` is the array of a fixed-size column.
Datum getValue(EffectReader& reader, const ColumnDefinition& column, const char* fixed, std::uint32_t slot,
               std::vector<float>& floats) {
  const Type type = column.type.storage();
  if (type == Type::kBool) {
    return fixedDatum<std::uint8_t>(type, fixed, slot);
  }
  if (type == Type::kDouble) {
    return fixedDatum<double>(type, fixed, slot);
  }
  if (isBytes(type)) {
    const std::uint64_t size = reader.getVarint();
    return Datum::bytes(type, reader.getRaw(size));
  }
  if (type == Type::kVector) {
    floats.resize(column.type.modifier);
    if (const std::string_view raw = reader.getRaw(floats.size() * sizeof(float)); reader.ok()) {
      std::memcpy(floats.data(), raw.data(), raw.size());
    }
    return Datum::vector(floats);
  }
  return fixedDatum<std::int64_t>(type, fixed, slot);
}

Status applyColumn(EffectReader& reader, const ColumnDefinition& column, std::size_t position, Block& block,
                   TableWriter& writer) {
  const auto kind = static_cast<ChunkKind>(reader.getByte());
  const Type type = storageOf(reader.getByte()).value_or(Type::kNull);
  const std::uint8_t has_nulls = reader.getByte();
  std::array<std::uint64_t, kBlockWords> nulls{};
  if (!reader.ok() || kind != ChunkKind::kPlain || type != column.type.storage() || has_nulls > 1 ||
      (column.not_null && has_nulls == 1) || (has_nulls == 1 && !getWords(reader, block.extent, nulls))) {
    return corrupt("has a damaged column");
  }
  std::string_view fixed;
  if (type == Type::kBool || (!isBytes(type) && type != Type::kVector)) {
    fixed = reader.getRaw(block.extent * (type == Type::kBool ? 1 : 8));
  }
  std::vector<float> floats;
  ColumnChunk& chunk = *block.columns()[position];
  for (std::uint32_t slot = 0; slot < block.extent && reader.ok(); ++slot) {
    if (!block.isPresent(slot)) {
      continue;
    }
    const Datum value = bit(nulls.data(), slot) ? Datum::null() : getValue(reader, column, fixed.data(), slot, floats);
    if (reader.ok()) {
      writer.setFresh(chunk, position, slot, value);
    }
  }
  return reader.ok() ? Status() : Status(corrupt("ends too early"));
}

}  // namespace

void putBlock(EffectBuffer& out, const TableVersion& version, std::uint32_t number, const Block& block) {
  putKind(out, EffectKind::kInsertBlock);
  out.putVarint(version.schema->id);
  out.putVarint(number);
  out.putVarint(block.extent);
  out.putRaw(rawWords(block.present, block.extent));
  for (std::size_t column = 0; column < block.column_count; ++column) {
    putColumn(out, version, column, block);
  }
}

Status applyBlock(EffectReader& reader, TableVersion& version, const WriteContext& context, std::uint64_t& rows_used) {
  const std::uint64_t number = reader.getVarint();
  const std::uint64_t extent = reader.getVarint();
  std::array<std::uint64_t, kBlockWords> present{};
  if (!reader.ok() || number >= kMaxBlocks || extent == 0 || extent > kBlockRows ||
      !getWords(reader, static_cast<std::uint32_t>(extent), present)) {
    return corrupt("is damaged");
  }
  if (!version.indexes.empty()) {
    return corrupt("comes after its table's indexes");
  }
  TableWriter writer(version, context);
  Block* block = writer.createBlock(static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(extent), present.data());
  if (block == nullptr) {
    return corrupt("is there already");
  }
  // A block that ends too early must not keep rows without values: the store is given up then, but freed in order.
  for (std::size_t column = 0; column < block->column_count; ++column) {
    if (Status status = applyColumn(reader, version.schema->columns[column], column, *block, writer); !status.ok()) {
      return status;
    }
  }
  writer.tidy(static_cast<std::uint32_t>(number));
  rows_used = number * kBlockRows + extent;
  return {};
}

}  // namespace trefoil::sql
