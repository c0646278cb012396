// A block of a table as bytes: the kInsertBlock effect of checkpoints. Behind kind and table number:
//
//   block varint | extent varint | present: ceil(extent / 64) words | for each column:
//     chunk kind u8 | type u8 | has nulls u8 | null words, as many as present words, if it has
//     bool: extent bytes                    int64-like, double: extent * 8 bytes        (0 where there is no row or a NULL)
//     text, blob, json: for each present row that is not NULL a length varint and the bytes
//     vector: for each present row that is not NULL dimension * 4 bytes
//
// Equal tables give equal bytes: what is left of deleted rows is not written. Little-endian.
#pragma once

#include "base/effect_buffer.hpp"
#include "base/versions.hpp"
#include "sql/storage/table_version.hpp"

namespace trefoil::sql {

void putBlock(EffectBuffer& out, const TableVersion& version, std::uint32_t number, const Block& block);
// `rows_used` becomes one more than the highest row id of the block. kCorruption if the bytes make no sense.
Status applyBlock(EffectReader& reader, TableVersion& version, const WriteContext& context, std::uint64_t& rows_used);

}  // namespace trefoil::sql
